package product;

import java.util.ArrayList;
import java.util.List;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.gateway.route.Route;
import org.springframework.cloud.gateway.route.RouteLocator;
import org.springframework.context.ConfigurableApplicationContext;

/**
 * A gateway that has its routes from the file ROUTES_FILE.
 *
 * <p>With the argument `check` it only reads them: prints them in matching order and exits 0, 1 when they cannot be
 * bound, 2 when there are none.
 */
@SpringBootApplication
public class Gateway {
  public static void main(String[] arguments) {
    if (arguments.length == 0 || !arguments[0].equals("check")) {
      SpringApplication.run(Gateway.class, arguments);
      return;
    }
    System.exit(check(arguments));
  }

  private static int check(String[] arguments) {
    List<String> all = new ArrayList<>(List.of("--server.port=0", "--management.server.port=-1"));
    all.addAll(List.of(arguments).subList(1, arguments.length));
    try (ConfigurableApplicationContext context =
        SpringApplication.run(Gateway.class, all.toArray(new String[0]))) {
      List<Route> routes = context.getBean(RouteLocator.class).getRoutes().collectList().block();
      for (Route route : routes) {
        System.out.println("route " + route.getId() + " " + route.getOrder() + " " + route.getUri());
      }
      return routes.isEmpty() ? 2 : 0;
    } catch (RuntimeException fault) {
      Throwable cause = fault;
      while (cause.getCause() != null && cause.getCause() != cause) {
        cause = cause.getCause();
      }
      System.out.println("fault " + String.valueOf(cause.getMessage()).replace('\n', ' '));
      return 1;
    }
  }
}
