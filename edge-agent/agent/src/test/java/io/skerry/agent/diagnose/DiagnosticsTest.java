package io.skerry.agent.diagnose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.TinyOnnx;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.PredictRequest;
import io.skerry.agent.model.PredictionListener;
import io.skerry.agent.model.Predictor;
import io.skerry.agent.model.ServingModel;
import io.skerry.agent.serve.ApplicationStatistics;
import io.skerry.agent.serve.CallStatistics;
import io.skerry.agent.serve.ListenAddress;
import io.skerry.agent.serve.ListenException;
import io.skerry.agent.trace.TraceStatistics;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.Tensor;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiagnosticsTest {
  private static final ModelName MODEL = new ModelName("scale");

  @TempDir private Path folder;
  private final ModelSlots slots = new ModelSlots();
  private Path file;
  private static final CallStatistics CALLS =
      new CallStatistics(
          4,
          List.of(new ApplicationStatistics("cam", 1, 2, 3, 4, 5, 6)),
          Optional.of(new TraceStatistics(7, 8, 9)));

  private Path socket;
  private Diagnostics diagnostics;
  private Diagnostics.Listening listening;

  @BeforeEach
  void start() throws Exception {
    file = TinyOnnx.scale(folder.resolve("model.onnx"), 2);
    slots.activate(
        new SlotId("main"),
        new ServingModel(
            new SlotId("main"),
            new ModelVersion(MODEL, 3),
            Digest.of(new byte[0]),
            EngineCatalog.discovered().load(file, LoadOptions.DEFAULTS)));
    diagnostics = new Diagnostics(slots, () -> CALLS, model -> Optional.of(file));
    socket = folder.resolve("d.sock");
    listening = diagnostics.all(socket);
  }

  @AfterEach
  void stop() {
    listening.close();
    slots.close();
  }

  @Test
  void countsPredictionsPerVersionForPrometheus() throws Exception {
    Predictor predictor =
        new Predictor(slots, InstantSource.system(), new Random(1), PredictionListener.NONE);
    predictor.predict(
        PredictRequest.of(
            MODEL, "", List.of(Tensor.ofFloats("input", List.of(2L, 3L), new float[6]))));

    String page = get("/metrics");

    assertThat(page)
        .contains("200 OK")
        .contains("# TYPE skerry_agent_predictions_total counter")
        .contains(
            "skerry_agent_predictions_total{model=\"scale\",version=\"3\",outcome=\"answered\"} 1\n")
        .contains("skerry_agent_items_total{model=\"scale\",version=\"3\"} 2\n")
        .contains("skerry_agent_calls_waiting 4\n")
        .contains(
            "skerry_agent_application_calls_total{application=\"cam\",outcome=\"answered\"} 1\n")
        .contains(
            "skerry_agent_application_calls_total{application=\"cam\",outcome=\"failed\"} 5\n")
        .contains("skerry_agent_application_calls_waiting{application=\"cam\"} 6\n")
        .contains("skerry_agent_traces_total{outcome=\"dropped\"} 8\n")
        .containsPattern(
            "skerry_agent_model_memory_bytes\\{model=\"scale\",version=\"3\"} [1-9][0-9]+")
        .containsPattern("skerry_agent_memory_bytes\\{kind=\"resident\"} [1-9][0-9]+");
  }

  @Test
  void isForTheAgentsOwnUserOnly() throws IOException {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
        .isEqualTo("rw-------");
  }

  @Test
  void tellsMemoryByOwner() throws IOException {
    assertThat(get("/memory"))
        .contains("libonnxruntime.so")
        .contains("libjvm.so", Mappings.HEAP, Mappings.STACKS, Mappings.MALLOC)
        .containsPattern("(?m)^ +[1-9][0-9]*  model scale@3 by onnxruntime$")
        .contains("heap by class");
  }

  @Test
  void tellsWhatEachOperatorTakes() throws IOException {
    assertThat(get("/operators?model=scale&runs=5")).contains("scale@3").contains("Mul");
  }

  @Test
  void measuresOperatorsForOneAtATime() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    ModelFiles slow =
        model -> {
          begun.countDown();
          try {
            go.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return Optional.of(file);
        };
    Path other = folder.resolve("other.sock");
    try (Diagnostics.Listening there = new Diagnostics(slots, () -> CALLS, slow).all(other)) {
      SocketAddress address = UnixDomainSocketAddress.of(other);
      String request = "GET /operators?model=scale&runs=1 HTTP/1.1\r\n\r\n";
      FutureTask<String> first = new FutureTask<>(() -> ask(address, request));
      Thread.ofPlatform().daemon().start(first);
      begun.await();

      assertThat(ask(address, request)).contains("409 ").contains("ask again");

      go.countDown();
      assertThat(first.get()).contains("200 OK");
      assertThat(ask(address, request)).contains("200 OK");
      assertThat(there.isWhole()).isTrue();
    }
  }

  @Test
  void saysWhichModelItDoesNotKnow() throws IOException {
    assertThat(get("/operators?model=other")).contains("400 ").contains("no model 'other'");
    assertThat(get("/operators?model=scale&runs=0")).contains("400 ").contains("runs is '0'");
  }

  @Test
  void makesAFlightRecording() throws IOException {
    assertThat(get("/recording?seconds=1")).contains("200 OK").contains("FLR\0");
    assertThat(get("/recording?seconds=100000")).contains("400 ").contains("at most 120");
  }

  @Test
  void recordsAgainAfterARecordingForWhichTheDiskHadNoRoom() throws Exception {
    Path full = folder.resolve("full");
    Path other = folder.resolve("other.sock");
    try (Diagnostics.Listening there =
        new Diagnostics(slots, () -> CALLS, model -> Optional.of(file), full).all(other)) {
      assertThat(there.isWhole()).isTrue();
      SocketAddress address = UnixDomainSocketAddress.of(other);
      String request = "GET /recording?seconds=1 HTTP/1.1\r\n\r\n";
      assertThat(ask(address, request)).contains("500 ");

      Files.createDirectory(full);

      assertThat(ask(address, request)).contains("200 OK").contains("FLR\0");
      assertThat(full).isEmptyDirectory();
    }
  }

  @Test
  void takesThePlaceOfASocketThatNobodyServes() throws Exception {
    Path left = folder.resolve("left.sock");
    ServerSocketChannel killed = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    killed.bind(UnixDomainSocketAddress.of(left)).close();
    assertThat(left).exists();

    try (Diagnostics.Listening there = diagnostics.all(left)) {
      assertThat(there.isWhole()).isTrue();
      assertThat(ask(UnixDomainSocketAddress.of(left), "GET /metrics HTTP/1.1\r\n\r\n"))
          .contains("200 OK");
    }
  }

  @Test
  void takesNobodyElsesPlace() throws Exception {
    Path notes = Files.writeString(folder.resolve("notes.txt"), "mine");

    assertThatThrownBy(() -> diagnostics.all(notes))
        .isInstanceOf(ListenException.class)
        .hasMessageContaining("is no socket");
    assertThat(notes).hasContent("mine");
    assertThatThrownBy(() -> diagnostics.metrics(new ListenAddress.Unix(socket)))
        .isInstanceOf(ListenException.class)
        .hasMessageContaining("another program serves there");
    assertThat(get("/metrics")).contains("200 OK");
  }

  /** Two agents that start at once both find the path free; one binds it first. */
  @Test
  void leavesTheSocketOfWhoeverBoundItMeanwhile() throws Exception {
    assertThatThrownBy(() -> LocalHttp.onFreePath(socket, bound -> {}, Map.of()))
        .isInstanceOf(BindException.class);

    assertThat(get("/metrics")).contains("200 OK");
  }

  @Test
  void leavesNoSocketThatNobodyMayOpen() {
    Path closed = folder.resolve("closed.sock");

    assertThatThrownBy(
            () ->
                LocalHttp.onFreePath(
                    closed,
                    bound -> {
                      throw new IOException("not permitted");
                    },
                    Map.of()))
        .hasMessage("not permitted");

    assertThat(closed).doesNotExist();
  }

  @Test
  void answersNobodyWhoCameBeforeItWasSaidWhoMay() throws Exception {
    Path early = folder.resolve("early.sock");
    SocketAddress address = UnixDomainSocketAddress.of(early);
    String request = "GET /page HTTP/1.1\r\n\r\n";
    List<SocketChannel> came = new ArrayList<>();
    LocalHttp http =
        LocalHttp.onSocket(
            new ListenAddress.Unix(early),
            bound -> came.add(SocketChannel.open(address)),
            Map.of("/page", query -> LocalHttp.Page.text("secret")));
    try (SocketChannel channel = came.getFirst()) {
      assertThat(channel.read(ByteBuffer.allocate(1))).isEqualTo(-1);
      assertThat(ask(address, request)).contains("secret");
    } finally {
      http.close();
    }
    assertThat(early).doesNotExist();
  }

  @Test
  void refusesWhatItDoesNotKnowAndWhatIsTooLong() throws IOException {
    assertThat(get("/etc/passwd")).contains("404 ").contains("/metrics");
    assertThat(ask("POST /metrics HTTP/1.1\r\n\r\n")).contains("405 ");
    assertThat(ask("GET /" + "a".repeat(LocalHttp.HEAD_BYTES_MAX - 5))).contains("431 ");
  }

  @Test
  void tellsMetricsOnlyOnAPortOfThisMachine() throws Exception {
    try (Diagnostics.Listening metrics =
        diagnostics.metrics(new ListenAddress.Tcp("127.0.0.1", 0))) {
      int port = ((ListenAddress.Tcp) metrics.address()).port();
      SocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);

      assertThat(ask(address, "GET /metrics HTTP/1.1\r\n\r\n")).contains("skerry_agent_info");
      assertThat(ask(address, "GET /memory HTTP/1.1\r\n\r\n")).contains("404 ");
    }
    assertThatThrownBy(() -> diagnostics.metrics(new ListenAddress.Tcp("0.0.0.0", 0)))
        .isInstanceOf(ListenException.class)
        .hasMessageContaining("loopback");
  }

  @Test
  void tellsMetricsOnTheLoopbackAddressThatWasGiven() throws Exception {
    try (Diagnostics.Listening metrics =
        diagnostics.metrics(new ListenAddress.Tcp("127.0.0.2", 0))) {
      int port = ((ListenAddress.Tcp) metrics.address()).port();

      assertThat(ask(new InetSocketAddress("127.0.0.2", port), "GET /metrics HTTP/1.1\r\n\r\n"))
          .contains("skerry_agent_info");
    }
  }

  private String get(String path) throws IOException {
    return ask("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
  }

  private String ask(String request) throws IOException {
    return ask(UnixDomainSocketAddress.of(socket), request);
  }

  private static String ask(SocketAddress address, String request) throws IOException {
    try (SocketChannel channel = SocketChannel.open(address)) {
      channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.ISO_8859_1)));
      return new String(
          Channels.newInputStream(channel).readAllBytes(), StandardCharsets.ISO_8859_1);
    }
  }
}
