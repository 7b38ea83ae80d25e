package io.skerry.agent.serve.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.agent.EchoModel;
import io.skerry.agent.FakeModel;
import io.skerry.agent.model.ModelTraits;
import io.skerry.agent.serve.RequestBudget;
import io.skerry.agent.serve.TestServer;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A real server, called by the JDK's client and by hand. */
@SuppressWarnings("NullAway.Init") // JUnit calls start() first.
class HttpServerTest {
  private static final int BODY_BYTES_MAX = 100_000;
  private static final Pattern CONTENT_LENGTH =
      Pattern.compile("content-length: (\\d+)", Pattern.CASE_INSENSITIVE);

  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private TestServer agent;
  private HttpServer server;

  @BeforeEach
  void start() throws Exception {
    agent =
        TestServer.start()
            .with(
                "m",
                EchoModel.of(ElementType.FP32),
                new ModelTraits(List.of("cat", "dog"), ModelTraits.BATCH_MAX));
    HttpConfig config = new HttpConfig(0, BODY_BYTES_MAX, 150_000, 4, Duration.ofSeconds(20));
    server = HttpServer.start(config, agent.server().service());
  }

  @AfterEach
  void stop() {
    client.close();
    server.close();
    agent.close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "v2/health/live | 200",
        "v2/health/ready | 200",
        "v2/models/m/ready | 200",
        "v2/models/m/versions/1/ready | 200",
        "v2/models/m/versions/2/ready | 400",
        "v2/models/other/ready | 400",
        "v2/models/m/versions/x/ready | 400",
        "v2 | 200",
        "v2/ | 200",
        "v2/models/m | 200",
        "v2/models/m/versions/1/config | 200",
        "v2/models/m/stats | 200",
        "v2/models/stats | 200",
        "v2/models/other/stats | 404",
        "v2/models/other | 404",
        "v2/models/..%2F..%2Fetc | 404",
        "v2/systemsharedmemory/status | 200",
        "v2/systemsharedmemory/region/x/status | 404",
        "v2/cudasharedmemory/status | 200",
        "v2/trace/setting | 200",
        "v2/models/m/trace/setting | 200",
        "v2/logging | 200",
        "v2/models/m/infer | 405",
        "v2/models | 404",
        "v2/health | 404",
        "v3 | 404",
        " | 404",
      })
  void answersEveryPath(String path, int status) throws Exception {
    assertThat(get(path == null ? "" : path).statusCode()).isEqualTo(status);
  }

  @Test
  void describesItselfAndItsModels() throws Exception {
    assertThat(json(get("v2")).get("name").getAsString()).isEqualTo("skerry-agent");
    assertThat(json(get("v2/models/m")).toString())
        .isEqualTo(
            """
            {"name":"m","versions":["1"],"platform":"echo",\
            "inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],\
            "outputs":[{"name":"x_out","datatype":"FP32","shape":[-1,2]}]}""");
    JsonObject config = json(get("v2/models/m/config"));
    assertThat(config.get("max_batch_size").getAsInt()).isEqualTo(ModelTraits.BATCH_MAX);
    assertThat(config.getAsJsonArray("input").get(0).getAsJsonObject().get("data_type"))
        .hasToString("\"TYPE_FP32\"");
    assertThat(config.getAsJsonArray("input").get(0).getAsJsonObject().get("dims"))
        .hasToString("[2]");
  }

  @Test
  void predictsWithJson() throws Exception {
    HttpResponse<byte[]> response =
        infer(
            """
            {"outputs": [{"name": "x_out"}], "id": "mine",
             "inputs": [{"data": [[1, 2.5], [3, NaN]], "name": "x", "shape": [2, 2],
                         "datatype": "FP32"}]}""");

    JsonObject answer = json(response);
    assertThat(answer.get("id").getAsString()).isEqualTo("mine");
    assertThat(answer.get("model_version").getAsString()).isEqualTo("1");
    assertThat(answer.getAsJsonObject("parameters").has("skerry_prediction_id")).isTrue();
    JsonObject output = answer.getAsJsonArray("outputs").get(0).getAsJsonObject();
    assertThat(output.get("shape")).hasToString("[2,2]");
    assertThat(new String(response.body(), UTF_8)).contains("\"data\":[1.0,2.5,3.0,NaN]");
  }

  @Test
  void predictsWithBinaryTensors() throws Exception {
    String json =
        """
        {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32",
                     "parameters": {"binary_data_size": 8}}],
         "parameters": {"binary_data_output": true}}""";

    HttpResponse<byte[]> response = binary(json, floats(1, 2));

    int length =
        Integer.parseInt(
            response.headers().firstValue("Inference-Header-Content-Length").orElseThrow());
    JsonObject answer =
        JsonParser.parseString(new String(response.body(), 0, length, UTF_8)).getAsJsonObject();
    assertThat(
            answer
                .getAsJsonArray("outputs")
                .get(0)
                .getAsJsonObject()
                .getAsJsonObject("parameters")
                .get("binary_data_size")
                .getAsInt())
        .isEqualTo(8);
    assertThat(Arrays.copyOfRange(response.body(), length, response.body().length))
        .isEqualTo(floats(1, 2));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "BOOL | [true, false] | [true,false]",
        "INT8 | [-128, 127] | [-128,127]",
        "UINT8 | [0, 255] | [0,255]",
        "INT16 | [-32768, 32767] | [-32768,32767]",
        "UINT16 | [0, 65535] | [0,65535]",
        "INT32 | [-2147483648, 2147483647] | [-2147483648,2147483647]",
        "UINT32 | [0, 4294967295] | [0,4294967295]",
        "INT64 | [-9223372036854775808, 9223372036854775807] | [-9223372036854775808,9223372036854775807]",
        "UINT64 | [0, 18446744073709551615] | [0,18446744073709551615]",
        "FP64 | [0.1, 1e300] | [0.1,1.0E300]",
        "BYTES | [\"grüße\", \"\"] | [\"grüße\",\"\"]",
      })
  void carriesEveryTypeAsJson(ElementType type, String data, String expected) throws Exception {
    agent.with("t", EchoModel.of(type));

    HttpResponse<byte[]> response =
        post(
            "v2/models/t/infer",
            """
            {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "%s", "data": %s}]}"""
                .formatted(type, data));

    assertThat(new String(response.body(), UTF_8)).contains("\"data\":" + expected);
  }

  @Test
  void givesClasses() throws Exception {
    HttpResponse<byte[]> response =
        infer(
            """
            {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 4]}],
             "outputs": [{"name": "x_out", "parameters": {"classification": 2}}]}""");

    assertThat(new String(response.body(), UTF_8))
        .contains("\"data\":[\"4.000000:1:dog\",\"1.000000:0:cat\"]");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{ | failed to parse the request JSON",
        "[] | failed to parse the request JSON",
        "{} {} | failed to parse the request JSON: there is more",
        "{'inputs': [{'name': 'x', 'shape': [1, 2], 'datatype': 'FP32', 'data': [1]}]} | input 'x' needs 2 elements of FP32 in its data, got 1",
        "{'inputs': [{'name': 'x', 'shape': [1, 2], 'datatype': 'FP32', 'data': [1, 2, 3]}]} | input 'x' needs 2 elements of FP32 in its data, got more",
        "{'inputs': [{'name': 'x', 'shape': [1, 2], 'datatype': 'FP32', 'data': ['a', 2]}]} | element 0 of input 'x' is no FP32",
        "{'inputs': [{'name': 'x', 'shape': [1, 2], 'datatype': 'UINT8', 'data': [1, 256]}]} | element 1 of input 'x' is no UINT8",
        "{'inputs': [{'name': 'x', 'shape': [1, 2], 'datatype': 'FP16', 'data': [1, 2]}]} | sending FP16 data via JSON is not supported",
        "{'inputs': [{'name': 'x', 'shape': [1, 2], 'datatype': 'FP9', 'data': [1, 2]}]} | input 'x' has a data-type",
        "{'inputs': [{'name': 'x', 'shape': [9999999, 99999999999], 'datatype': 'FP32', 'data': []}]} | input 'x' has invalid shape",
        "{'inputs': [{'name': 'x', 'shape': [536870000], 'datatype': 'FP32', 'data': []}]} | input 'x' needs 536870000 elements",
        "{'inputs': [{'name': 'x', 'shape': [1, 2], 'datatype': 'FP32', 'parameters': {'binary_data_size': 8}}]} | input 'x' has binary_data_size 8, but 0 bytes are left",
        "{'inputs': [{'name': 'x', 'shape': [1, 2], 'datatype': 'FP32'}]} | unable to find data for input tensor 'x' for model 'm' in request.",
        "{'inputs': [{'name': 'y', 'shape': [1, 2], 'datatype': 'FP32', 'data': [1, 2]}]} | unexpected inference input 'y'",
        "{'inputs': [], 'parameters': {'priority': 'x'}} | invalid value type for 'priority' parameter",
        "{'inputs': [], 'parameters': {'x': [1]}} | parameter 'x' is neither a bool",
        "{'inputs': [], 'parameters': {'x': 1e999}} | parameter 'x' is 1e999, which no double holds",
        "{'inputs': [{'name': 'x', 'shape': [1, 2], 'datatype': 'FP32', 'data': [1, 1e40]}]} | element 1 of input 'x' is 1e40, which no FP32 holds",
        "{'inputs': [{'name': 'x', 'shape': [1, 2], 'datatype': 'FP64', 'data': [-1e400, 1]}]} | element 0 of input 'x' is -1e400, which no FP64 holds",
        "{'inputs': [{'name': 'x', 'shape': [1, 2], 'datatype': 'FP32', 'data': ['1', 2]}]} | element 0 of input 'x' is no FP32",
        "{'inputs': [{'name': 'x', 'shape': [1, 2], 'datatype': 'BYTES', 'data': [1, 2]}]} | element 0 of input 'x' is no BYTES",
        "{'inputs': [], /* comment */ 'id': 'a'} | failed to parse the request JSON: a name in quotes is missing (at byte 15)",
        "{inputs: []} | failed to parse the request JSON: a name in quotes is missing",
        "{'inputs'= []} | failed to parse the request JSON: a colon is missing",
        "{'inputs': [1;2]} | failed to parse the request JSON: a comma or ] is missing",
        "{'inputs': [],} | failed to parse the request JSON: a name in quotes is missing",
        "{'inputs': NaN} | failed to parse the request JSON: a value is none of JSON",
      })
  void saysWhatIsWrongWithARequest(String body, String text) throws Exception {
    HttpResponse<byte[]> response = infer(body.replace('\'', '"'));

    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(error(response)).startsWith(text);
  }

  @Test
  void refusesDataThatIsNestedWithoutEnd() throws Exception {
    String nested = "[".repeat(20_000) + "]".repeat(20_000);

    HttpResponse<byte[]> response =
        infer(
            """
            {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": %s}]}"""
                .formatted(nested));

    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(error(response)).contains("nested");
  }

  @Test
  void refusesABinaryPartThatDoesNotFit() throws Exception {
    String json =
        """
        {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32",
                     "parameters": {"binary_data_size": 8}}]}""";

    assertThat(error(binary(json, floats(1, 2, 3))))
        .isEqualTo("unexpected additional input data for model 'm': 4 bytes");
    assertThat(error(binary(json, floats(1)))).contains("but 4 bytes are left");
    HttpRequest lying =
        request("v2/models/m/infer")
            .header("Inference-Header-Content-Length", "9999")
            .POST(BodyPublishers.ofString(json))
            .build();
    assertThat(error(client.send(lying, BodyHandlers.ofByteArray())))
        .startsWith("Inference-Header-Content-Length must be 0 to ");
  }

  @Test
  void takesTheBytesOfTheOnlyInputWithoutAnyJson() throws Exception {
    HttpResponse<byte[]> answer = raw(floats(3, 4));

    int length =
        Integer.parseInt(
            answer.headers().firstValue("Inference-Header-Content-Length").orElseThrow());
    assertThat(Arrays.copyOfRange(answer.body(), length, answer.body().length))
        .isEqualTo(floats(3, 4));
    assertThat(error(raw(new byte[3]))).contains("'x'").contains("got 3");
  }

  private HttpResponse<byte[]> raw(byte[] body) throws Exception {
    return client.send(
        request("v2/models/m/infer")
            .header("Inference-Header-Content-Length", "0")
            .POST(BodyPublishers.ofByteArray(body))
            .build(),
        BodyHandlers.ofByteArray());
  }

  @Test
  void readsCompressedRequestsAndCompressesWhenAsked() throws Exception {
    byte[] json =
        """
        {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}"""
            .getBytes(UTF_8);
    ByteArrayOutputStream gzip = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(gzip)) {
      out.write(json);
    }
    ByteArrayOutputStream deflate = new ByteArrayOutputStream();
    try (OutputStream out = new DeflaterOutputStream(deflate)) {
      out.write(json);
    }

    HttpResponse<byte[]> zipped =
        client.send(
            request("v2/models/m/infer")
                .header("Content-Encoding", "gzip")
                .header("Accept-Encoding", "gzip")
                .POST(BodyPublishers.ofByteArray(gzip.toByteArray()))
                .build(),
            BodyHandlers.ofByteArray());
    HttpResponse<byte[]> deflated =
        client.send(
            request("v2/models/m/infer")
                .header("Content-Encoding", "deflate")
                .POST(BodyPublishers.ofByteArray(deflate.toByteArray()))
                .build(),
            BodyHandlers.ofByteArray());

    assertThat(zipped.headers().firstValue("Content-Encoding")).contains("gzip");
    byte[] plain = new GZIPInputStream(new ByteArrayInputStream(zipped.body())).readAllBytes();
    assertThat(new String(plain, UTF_8)).contains("\"data\":[1.0,2.0]");
    assertThat(new String(deflated.body(), UTF_8)).contains("\"data\":[1.0,2.0]");
  }

  @Test
  void refusesACompressionThatItDoesNotUnpack() throws Exception {
    for (String encoding : List.of("br", "zstd", "gzip, br")) {
      HttpResponse<byte[]> response =
          client.send(
              request("v2/models/m/infer")
                  .header("Content-Encoding", encoding)
                  .POST(BodyPublishers.ofString("{}"))
                  .build(),
              BodyHandlers.ofByteArray());

      assertThat(response.statusCode()).as(encoding).isEqualTo(415);
      assertThat(error(response))
          .isEqualTo("content encoding '%s' is none of gzip, deflate".formatted(encoding));
    }
  }

  @Test
  void boundsWhatARequestMayHold() throws Exception {
    byte[] bomb = new byte[10 * BODY_BYTES_MAX];
    ByteArrayOutputStream gzip = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(gzip)) {
      out.write(bomb);
    }

    HttpResponse<byte[]> plain = post("v2/models/m/infer", " ".repeat(BODY_BYTES_MAX + 1));
    HttpResponse<byte[]> unpacked =
        client.send(
            request("v2/models/m/infer")
                .header("Content-Encoding", "gzip")
                .POST(BodyPublishers.ofByteArray(gzip.toByteArray()))
                .build(),
            BodyHandlers.ofByteArray());

    assertThat(plain.statusCode()).isEqualTo(413);
    assertThat(unpacked.statusCode()).isEqualTo(413);
    assertThat(get("v2/health/live").statusCode()).isEqualTo(200);
  }

  @Test
  void whatIsThrownAwayHoldsNothing() throws Exception {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      socket.setSoTimeout(10_000);
      InputStream in = socket.getInputStream();
      OutputStream out = socket.getOutputStream();

      out.write(postHead(BODY_BYTES_MAX + 1, ""));
      assertThat(status(in)).isEqualTo(413);
      out.write(new byte[BODY_BYTES_MAX + 1]);
      out.write(postHead(60_000, "Connection: close\r\n"));
      out.write(new byte[60_000]);

      assertThat(status(in)).isEqualTo(400);
    }
  }

  /** A refusal that came first would be taken for the answer to the request before. */
  @Test
  void answersInOrderAlsoWhatItRefuses() throws Exception {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      socket.setSoTimeout(10_000);
      String head = "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n";
      socket
          .getOutputStream()
          .write(
              (head.formatted("/v2/models/m/stats", "")
                      + head.formatted("/v2/models/m", "Origin: http://evil.example\r\n")
                      + head.formatted("/v2/models/m/stats", "")
                      + new String(postHead(BODY_BYTES_MAX + 1, ""), UTF_8))
                  .getBytes(UTF_8));

      InputStream in = socket.getInputStream();
      assertThat(List.of(status(in), status(in), status(in), status(in)))
          .containsExactly(200, 403, 200, 413);
    }
  }

  /** What a client that went had asked for is still in memory. */
  @Test
  @Timeout(20)
  void countsARequestUntilNobodyWorksOnItAnyMore() throws Exception {
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    agent.with("slow", FakeModel.waiting(running, go));
    RequestBudget held = agent.server().service().requests();
    byte[] body =
        """
        {"inputs": [{"name": "input", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]},
          {"name": "offset", "shape": [1], "datatype": "FP32", "data": [1]}]}"""
            .getBytes(UTF_8);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      String head = new String(postHead(body.length, ""), UTF_8).replace("/m/", "/slow/");
      socket.getOutputStream().write(head.getBytes(UTF_8));
      socket.getOutputStream().write(body);
      running.await();
    }
    for (int i = 0; i < 3; i++) {
      // One thread hears all connections: by then it has heard that the client is gone.
      assertThat(byHand("GET /v2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
          .startsWith("HTTP/1.1 200");
    }

    assertThat(held.bytes()).isEqualTo(body.length);

    go.countDown();
    while (held.bytes() > 0) {
      Thread.onSpinWait();
    }
  }

  @Test
  @Timeout(20)
  void aRequestThatWaitsForLeaveToGoOnIsCounted() throws Exception {
    try (Socket first = new Socket(InetAddress.getLoopbackAddress(), server.port());
        Socket second = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      first.setSoTimeout(10_000);
      second.setSoTimeout(10_000);

      first.getOutputStream().write(postHead(BODY_BYTES_MAX, "Expect: 100-continue\r\n"));
      assertThat(status(first.getInputStream())).isEqualTo(100);
      first.getOutputStream().write(new byte[99_000]);
      while (agent.server().service().requests().bytes() < 99_000) {
        Thread.onSpinWait();
      }
      second.getOutputStream().write(postHead(60_000, ""));
      second.getOutputStream().write(new byte[60_000]);

      assertThat(status(second.getInputStream())).isEqualTo(503);
    }
  }

  @Test
  void pagesInABrowserMayNotCall() throws Exception {
    assertThat(
            client
                .send(
                    request("v2/repository/models/m/unload")
                        .header("Origin", "http://evil.example")
                        .POST(BodyPublishers.noBody())
                        .build(),
                    BodyHandlers.ofByteArray())
                .statusCode())
        .isEqualTo(403);
    assertThat(byHand("GET /v2 HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"))
        .startsWith("HTTP/1.1 403");
    assertThat(byHand("GET /v2 HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\n\r\n"))
        .startsWith("HTTP/1.1 200");
  }

  @Test
  void answersPipelinedRequestsInOrderAndSurvivesRubbish() throws Exception {
    String answers =
        byHand(
            """
            GET /v2/models/a HTTP/1.1
            Host: localhost

            GET /v2/models/%zz HTTP/1.1
            Host: localhost

            GET /v2/models/b HTTP/1.1
            Host: localhost
            Connection: close

            """
                .replace("\n", "\r\n"));

    assertThat(answers.indexOf("'a' is not found")).isPositive();
    assertThat(answers.indexOf("'b' is not found")).isGreaterThan(answers.indexOf("'a' is not"));
    assertThat(byHand("\u0000\u0001 rubbish\r\n\r\n")).startsWith("HTTP/1.1 400");
    assertThat(get("v2/health/live").statusCode()).isEqualTo(200);
  }

  @Test
  void acceptsNoMoreConnectionsThanItMay() throws Exception {
    Socket[] sockets = new Socket[4];
    try {
      for (int i = 0; i < sockets.length; i++) {
        sockets[i] = new Socket(InetAddress.getLoopbackAddress(), server.port());
        sockets[i]
            .getOutputStream()
            .write("GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(UTF_8));
        assertThat(sockets[i].getInputStream().read()).isEqualTo('H');
      }

      assertThat(byHand("GET /v2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
          .isEmpty();
    } finally {
      for (Socket socket : sockets) {
        if (socket != null) {
          socket.close();
        }
      }
    }
  }

  @Test
  void administrationIsAnsweredHonestly() throws Exception {
    JsonArray index =
        JsonParser.parseString(
                new String(post("v2/repository/index", "{\"ready\": true}").body(), UTF_8))
            .getAsJsonArray();
    assertThat(index).hasSize(1);
    HttpResponse<byte[]> load = post("v2/repository/models/m/load", "{}");
    assertThat(load.statusCode()).isEqualTo(503);
    assertThat(error(load)).startsWith("explicit model load / unload is not allowed");
    assertThat(post("v2/cudasharedmemory/region/r/register", "{}").statusCode()).isEqualTo(501);
    assertThat(post("v2/cudasharedmemory/unregister", "").statusCode()).isEqualTo(200);
    assertThat(post("v2/systemsharedmemory/unregister", "").statusCode()).isEqualTo(200);
    HttpResponse<byte[]> register =
        post("v2/systemsharedmemory/region/r/register", "{\"key\": \"/k\", \"byte_size\": 8}");
    assertThat(register.statusCode()).isEqualTo(501);
    assertThat(post("v2/systemsharedmemory/region/r/register", "{}").statusCode()).isEqualTo(400);
    assertThat(json(get("v2/trace/setting"))).hasToString("{\"trace_level\":[\"OFF\"]}");
    assertThat(post("v2/trace/setting", "{\"trace_level\": [\"TIMESTAMPS\"]}").statusCode())
        .isEqualTo(503);
    assertThat(post("v2/trace/setting", "{\"trace_level\": null}").statusCode()).isEqualTo(200);
    assertThat(json(get("v2/logging")).get("log_error").getAsBoolean()).isTrue();
    assertThat(post("v2/logging", "{\"log_error\": false}").statusCode()).isEqualTo(501);
    assertThat(post("v2/logging", "{\"log_error\": [1]}").statusCode()).isEqualTo(400);
  }

  @Test
  void countsIntoTheSameStatistics() throws Exception {
    infer(
        """
        {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}""");

    JsonElement statistics = json(get("v2/models/m/stats")).getAsJsonArray("model_stats").get(0);
    assertThat(statistics.getAsJsonObject().get("inference_count").getAsInt()).isEqualTo(1);
  }

  @Test
  void wideModelsStayBinaryPerOutput() throws Exception {
    agent.with(
        "two",
        EchoModel.of(
            new TensorSpec("x", ElementType.FP16, List.of(2L)),
            new TensorSpec("y", ElementType.INT8, List.of(1L))));
    String json =
        """
        {"inputs": [{"name": "x", "shape": [2], "datatype": "FP16",
                     "parameters": {"binary_data_size": 4}},
                    {"name": "y", "shape": [1], "datatype": "INT8", "data": [7]}],
         "outputs": [{"name": "y_out", "parameters": {"binary_data": false}},
                     {"name": "x_out", "parameters": {"binary_data": %s}}]}""";

    HttpResponse<byte[]> mixed = binary("two", json.formatted("true"), new byte[] {1, 60, 2, 60});
    HttpResponse<byte[]> refused =
        binary("two", json.formatted("false"), new byte[] {1, 60, 2, 60});

    int length =
        Integer.parseInt(
            mixed.headers().firstValue("Inference-Header-Content-Length").orElseThrow());
    assertThat(new String(mixed.body(), 0, length, UTF_8)).contains("\"data\":[7]");
    assertThat(Arrays.copyOfRange(mixed.body(), length, mixed.body().length))
        .containsExactly(1, 60, 2, 60);
    assertThat(error(refused))
        .isEqualTo(
            "sending FP16 data via JSON is not supported. Please use the binary data format for output 'x_out'");
  }

  private HttpResponse<byte[]> infer(String body) throws Exception {
    return post("v2/models/m/infer", body);
  }

  private HttpResponse<byte[]> binary(String json, byte[] tensors) throws Exception {
    return binary("m", json, tensors);
  }

  private HttpResponse<byte[]> binary(String model, String json, byte[] tensors) throws Exception {
    byte[] head = json.getBytes(UTF_8);
    byte[] body = Arrays.copyOf(head, head.length + tensors.length);
    System.arraycopy(tensors, 0, body, head.length, tensors.length);
    return client.send(
        request("v2/models/" + model + "/infer")
            .header("Inference-Header-Content-Length", Integer.toString(head.length))
            .POST(BodyPublishers.ofByteArray(body))
            .build(),
        BodyHandlers.ofByteArray());
  }

  private HttpResponse<byte[]> get(String path) throws Exception {
    return client.send(request(path).build(), BodyHandlers.ofByteArray());
  }

  private HttpResponse<byte[]> post(String path, String body) throws Exception {
    return client.send(
        request(path).POST(BodyPublishers.ofString(body)).build(), BodyHandlers.ofByteArray());
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(
            URI.create("http://127.0.0.1:%d/%s".formatted(server.port(), path)))
        .timeout(Duration.ofSeconds(20));
  }

  private String byHand(String request) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      socket.setSoTimeout(20_000);
      socket.getOutputStream().write(request.getBytes(UTF_8));
      return new String(socket.getInputStream().readAllBytes(), UTF_8);
    } catch (SocketException reset) {
      return "";
    }
  }

  private static byte[] postHead(int bytes, String more) {
    return "POST /v2/models/m/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n%s\r\n"
        .formatted(bytes, more)
        .getBytes(UTF_8);
  }

  /** The status of the next answer, which is read to its end. */
  private static int status(InputStream in) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int next = in.read();
      if (next < 0) {
        throw new EOFException("the answer ended in '%s'".formatted(head));
      }
      head.append((char) next);
    }
    Matcher length = CONTENT_LENGTH.matcher(head);
    if (length.find()) {
      in.skipNBytes(Integer.parseInt(length.group(1)));
    }
    return Integer.parseInt(head.substring("HTTP/1.1 ".length(), "HTTP/1.1 200".length()));
  }

  private static JsonObject json(HttpResponse<byte[]> response) {
    return JsonParser.parseString(new String(response.body(), UTF_8)).getAsJsonObject();
  }

  private static String error(HttpResponse<byte[]> response) {
    return json(response).get("error").getAsString();
  }

  private static byte[] floats(float... values) {
    ByteBuffer data =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    return data.array();
  }
}
