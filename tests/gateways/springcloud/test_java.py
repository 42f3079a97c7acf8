"""How a jar is started; that the real ones start so is what the tests on a JVM show."""

from gatewayctl.gateways.springcloud.jvm_command import command


def test_an_archive_that_stands_beside_the_jar_is_used_and_says_nothing_of_its_own(tmp_path):
    jar = tmp_path / "gateway.jar"
    plain = command(jar, "check")

    (tmp_path / "gateway.jsa").touch()
    quick = command(jar, "check")

    assert plain[-3:] == quick[-3:] == ("-jar", str(jar), "check")
    assert set(quick) - set(plain) == {"-Xlog:disable", f"-XX:SharedArchiveFile={tmp_path / 'gateway.jsa'}"}
