package io.skerry.api.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.HttpServer;
import io.skerry.api.Health;
import io.skerry.api.UserView;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SkerryClientTest {
  private HttpServer server = start();

  @BeforeEach
  void begin() {
    server.start();
  }

  @AfterEach
  void end() {
    server.stop(0);
  }

  @Test
  void sendsTheTokenAndReadsARecord() {
    server.createContext(
        "/health/ready",
        exchange -> {
          boolean known =
              "Bearer secret".equals(exchange.getRequestHeaders().getFirst("Authorization"));
          answer(exchange, known ? 200 : 401, "application/json", "{\"status\":\"UP\"}");
        });

    assertThat(client().get("/health/ready", Health.class)).isNotNull();
  }

  @Test
  void followsPageTokensToTheEndOfAList() {
    server.createContext(
        "/v1/users",
        exchange -> {
          boolean second = "pageToken=2".equals(exchange.getRequestURI().getQuery());
          answer(
              exchange,
              200,
              "application/json",
              second
                  ? "{\"items\":[{\"name\":\"ben\"}]}"
                  : "{\"items\":[{\"name\":\"ana\"}],\"nextPageToken\":\"2\"}");
        });

    List<UserView> users = client().list("/v1/users", UserView.class);

    assertThat(users).extracting(UserView::name).containsExactly("ana", "ben");
  }

  @Test
  void tellsTheProblemOfARefusal() {
    server.createContext(
        "/v1/x",
        exchange ->
            answer(
                exchange,
                409,
                "application/problem+json",
                "{\"status\":409,\"code\":\"STATE_CONFLICT\",\"detail\":\"rollout r-1 has ended\"}"));

    SkerryException refused =
        catchThrowableOfType(SkerryException.class, () -> client().get("/v1/x", Health.class));

    assertThat(refused).hasMessage("rollout r-1 has ended");
    assertThat(refused.problem().orElseThrow().code()).isEqualTo("STATE_CONFLICT");
  }

  @Test
  void tellsThatNobodyListensThere() {
    URI nowhere = uri();
    server.stop(0);

    SkerryException unreachable =
        catchThrowableOfType(
            SkerryException.class,
            () -> new SkerryClient(nowhere, "secret").get("/health/ready", Health.class));

    assertThat(unreachable.problem()).isEmpty();
    assertThat(unreachable)
        .hasMessage(
            "%s cannot be reached: nothing answers there; check the address, or start"
                    .formatted(nowhere)
                + " './skerry server'");
  }

  private SkerryClient client() {
    return new SkerryClient(uri(), "secret");
  }

  private URI uri() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  private static HttpServer start() {
    try {
      return HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void answer(
      com.sun.net.httpserver.HttpExchange exchange, int status, String type, String body)
      throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().add("Content-Type", type);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }
}
