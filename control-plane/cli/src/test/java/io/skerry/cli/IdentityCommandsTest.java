package io.skerry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class IdentityCommandsTest {
  @TempDir Path folder;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final Map<String, String> environment = new HashMap<>();
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private HttpServer server = start();

  @BeforeEach
  void begin() {
    server.start();
    environment.put("SKERRY_URL", "http://127.0.0.1:" + server.getAddress().getPort());
    environment.put("SKERRY_TOKEN", "secret");
    environment.put("HOME", folder.toString());
  }

  @AfterEach
  void end() {
    server.stop(0);
  }

  @Test
  void makesATokenAndPrintsNothingElse() {
    answer("/v1/enrolment-tokens", 201, "{\"token\":\"skerry1.abc\",\"id\":7}");

    int code =
        run(
            "create",
            "token",
            "--uses",
            "50",
            "--labels",
            "site=b,line=3",
            "--valid",
            "90m",
            "--preauthorised-only");

    assertThat(code).isEqualTo(ExitCodes.DONE);
    assertThat(out.toString().lines()).containsExactly("skerry1.abc");
    assertThat(requests)
        .containsExactly(
            "POST /v1/enrolment-tokens {\"uses\":50,\"labels\":{\"site\":\"b\",\"line\":\"3\"},"
                + "\"validHours\":2,\"preauthorisedOnly\":true}");
  }

  @Test
  void listsTokensWithoutTheirSecrets() {
    answer(
        "/v1/enrolment-tokens",
        200,
        "{\"items\":[{\"id\":7,\"uses\":50,\"usesLeft\":49,\"labels\":{\"site\":\"b\"},"
            + "\"preauthorisedOnly\":false,\"expiresAt\":\"2026-11-21T00:00:00Z\","
            + "\"createdBy\":\"admin\"}],\"nextPageToken\":null}");

    assertThat(run("get", "tokens")).isEqualTo(ExitCodes.DONE);

    assertThat(out.toString()).contains("LEFT", "49", "site=b", "admin");
  }

  @ParameterizedTest
  @CsvSource({
    "device, /v1/devices/cam-1, cam-1",
    "token, /v1/enrolment-tokens/7, 7",
    "preauthorisation, /v1/preauthorisations/cam-1, cam-1"
  })
  void deletes(String kind, String path, String name) {
    answer(path, 204, "");

    assertThat(run("delete", kind, name)).as(err.toString()).isEqualTo(ExitCodes.DONE);

    assertThat(requests).containsExactly("DELETE " + path + " ");
    assertThat(out.toString()).contains(kind + "/" + name + " deleted");
  }

  @Test
  void revokesWithAReason() {
    answer("/v1/devices/cam-1/revocation", 200, "{\"id\":\"cam-1\"}");

    assertThat(run("revoke", "device", "cam-1", "--reason", "stolen")).isEqualTo(ExitCodes.DONE);
    assertThat(run("revoke", "device", "cam-1")).isEqualTo(ExitCodes.USAGE);

    assertThat(requests)
        .containsExactly("POST /v1/devices/cam-1/revocation {\"reason\":\"stolen\"}");
    assertThat(err.toString()).contains("--reason");
  }

  @Test
  void preauthorisesOneDevice() {
    answer("/v1/preauthorisations", 201, "{\"items\":[]}");

    assertThat(run("create", "preauthorisation", "--device", "serial-1", "--key-sha256", "ab"))
        .as(err.toString())
        .isEqualTo(ExitCodes.DONE);

    assertThat(requests)
        .containsExactly(
            "POST /v1/preauthorisations {\"devices\":[{\"device\":\"serial-1\",\"keySha256\":\"ab\"}]}");
    assertThat(out.toString()).contains("device/serial-1 may enrol");
  }

  @Test
  void preauthorisesTheDevicesOfAFileInPortions() throws IOException {
    answer("/v1/preauthorisations", 201, "{\"items\":[]}");
    Path file = folder.resolve("devices.csv");
    Files.writeString(
        file,
        "# name,key,labels\n\nserial-0,ab,site=b;line=3\n"
            + IntStream.range(1, 1500)
                .mapToObj(i -> "serial-" + i)
                .collect(Collectors.joining("\n")));

    assertThat(run("create", "preauthorisation", "-f", file.toString()))
        .as(err.toString())
        .isEqualTo(ExitCodes.DONE);

    assertThat(requests).hasSize(2);
    assertThat(requests.getFirst())
        .contains(
            "{\"device\":\"serial-0\",\"keySha256\":\"ab\",\"labels\":{\"line\":\"3\",\"site\":\"b\"}}");
    assertThat(out.toString()).contains("1500 devices may enrol");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "serial,ab,site | line 1",
        "serial,ab,a=b,c | line 1",
        "# nothing | names no device"
      })
  void saysWhichLineIsDamaged(String content, String why) throws IOException {
    Path file = Files.writeString(folder.resolve("devices.csv"), content);

    assertThat(run("create", "preauthorisation", "-f", file.toString())).isEqualTo(ExitCodes.USAGE);

    assertThat(err.toString()).contains(why);
    assertThat(requests).isEmpty();
  }

  @Test
  void tellsADevicesCertificateAndACopiedKey() {
    answer(
        "/v1/devices/cam-1",
        200,
        "{\"id\":\"cam-1\",\"slots\":[],\"certificate\":{\"serial\":\"4f00\","
            + "\"expiresAt\":\"2026-12-20T00:00:00Z\",\"revokedAt\":null},"
            + "\"cloned\":{\"since\":\"2026-11-20T00:00:00Z\",\"instances\":[\"a\",\"b\"]}}");

    assertThat(run("describe", "device", "cam-1")).isEqualTo(ExitCodes.DONE);

    assertThat(out.toString())
        .contains("  serial: 4f00", "  expiresAt: 2026-12-20T00:00:00Z")
        .contains("its key is at work on two machines", "skerry revoke device cam-1");
  }

  @Test
  void saysThatAnAuthorityIsNone() throws IOException {
    Path file = Files.writeString(folder.resolve("ca.pem"), "nothing");

    assertThat(run("get", "devices", "--ca", file.toString())).isEqualTo(ExitCodes.FAILED);

    assertThat(err.toString()).contains("is no certificate in PEM", "keys/ca.pem");
  }

  private int run(String... arguments) {
    return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), environment, arguments);
  }

  private void answer(String path, int status, String body) {
    server.createContext(
        path,
        exchange -> {
          requests.add(
              exchange.getRequestMethod()
                  + " "
                  + exchange.getRequestURI()
                  + " "
                  + new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
          byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
          exchange.getResponseHeaders().add("Content-Type", "application/json");
          exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
  }

  private static HttpServer start() {
    try {
      return HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
