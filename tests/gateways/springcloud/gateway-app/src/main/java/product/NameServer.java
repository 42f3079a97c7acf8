package product;

import io.netty.resolver.dns.DnsAddressResolverGroup;
import io.netty.resolver.dns.SingletonDnsServerAddressStreamProvider;
import java.net.InetSocketAddress;
import java.util.List;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.cloud.gateway.config.HttpClientCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Looks the Services' names up at one name server: a process has no surroundings of its own to be told by. */
@Configuration
@ConditionalOnProperty({"gateway.name-server.address", "gateway.name-server.port"})
public class NameServer {
  @Bean
  public HttpClientCustomizer lookUpThere(
      @Value("${gateway.name-server.address}") String address,
      @Value("${gateway.name-server.port}") int port) {
    SingletonDnsServerAddressStreamProvider server =
        new SingletonDnsServerAddressStreamProvider(new InetSocketAddress(address, port));
    return client ->
        client.resolver(
            names ->
                names
                    .ndots(1)
                    .searchDomains(List.of())
                    .dnsAddressResolverGroupProvider(
                        builder -> new DnsAddressResolverGroup(builder.nameServerProvider(server))));
  }
}
