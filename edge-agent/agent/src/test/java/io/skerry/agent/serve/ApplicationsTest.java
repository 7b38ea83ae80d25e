package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.skerry.agent.EchoModel;
import io.skerry.agent.FakeModel;
import io.skerry.agent.serve.memory.SharedMemoryConfig;
import io.skerry.artifact.ElementType;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import io.skerry.wire.inference.SystemSharedMemoryRegisterRequest;
import io.skerry.wire.inference.SystemSharedMemoryStatusRequest;
import io.skerry.wire.inference.SystemSharedMemoryUnregisterRequest;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several applications, each with a Unix socket of its own, call one agent. */
class ApplicationsTest {
  @TempDir private Path folder;
  private final List<AutoCloseable> open = new ArrayList<>();
  private final ExecutorService threads = Executors.newCachedThreadPool();

  @AfterEach
  void close() throws Exception {
    threads.shutdown();
    for (AutoCloseable resource : open.reversed()) {
      resource.close();
    }
  }

  @Test
  void tellsApplicationsApartByTheirSockets() throws Exception {
    AgentServer server = start(config -> config).with("m", EchoModel.of(ElementType.FP32)).server();
    stub("cam").modelInfer(TestServer.floats(1, 2).build());
    stub("cam").modelInfer(TestServer.floats(1, 2).build());
    stub("lidar").modelInfer(TestServer.floats(1, 2).build());
    assertThatThrownBy(() -> stub("lidar").modelInfer(TestServer.floats(1).build()))
        .hasMessageStartingWith("INVALID_ARGUMENT");
    assertThatThrownBy(
            () -> stub("other").modelInfer(TestServer.floats(1, 2).setModelName("x").build()))
        .hasMessageStartingWith("NOT_FOUND");

    assertThat(server.service().callStatistics().applications())
        .containsExactly(
            new ApplicationStatistics("", 0, 1, 0, 0, 0, 0),
            new ApplicationStatistics("cam", 2, 0, 0, 0, 0, 0),
            new ApplicationStatistics("lidar", 1, 1, 0, 0, 0, 0));
    assertThat(server.places())
        .containsExactly(
            "unix:%s/cam (cam)".formatted(folder),
            "unix:%s/lidar (lidar)".formatted(folder),
            "unix:%s/other".formatted(folder));
  }

  @Test
  void givesEachSocketItsRightsAndRemovesThemAll() throws Exception {
    TestServer server = start(config -> config);
    assertThat(rights("cam")).isEqualTo("rw-------");
    assertThat(rights("lidar")).isEqualTo("rw-rw----");

    server.server().close();

    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void oneTakenSocketIsOneErrorAndNobodyIsServed() throws Exception {
    Path taken = folder.resolve("lidar");
    try (ServerSocketChannel other = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      other.bind(UnixDomainSocketAddress.of(taken));

      assertThatThrownBy(() -> start(config -> config))
          .isInstanceOf(ListenException.class)
          .hasMessage(
              "cannot listen on unix:%s: another program serves there; stop it or choose another path",
              taken);
      assertThat(folder).isDirectoryNotContaining(file -> !file.equals(taken));
    }
  }

  @Test
  void saysWhichGroupThereIsNot() {
    assertThatThrownBy(
            () ->
                TestServer.start(
                    config ->
                        ServeConfig.at(
                            List.of(
                                listener("cam", "app=cam"), listener("x", "group=no-such-group")))))
        .isInstanceOf(ListenException.class)
        .hasMessage("cannot listen on unix:%s/x: there is no group 'no-such-group'", folder);
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void noApplicationFillsTheQueueForTheOthers() throws Exception {
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    TestServer server =
        start(config -> config.withQueue(new QueueConfig(1, 3, 3_000)))
            .with("m", FakeModel.waiting(running, go));
    List<Future<?>> calls = new ArrayList<>();
    try {
      calls.add(threads.submit(() -> stub("cam").modelInfer(waiting())));
      assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();
      calls.add(threads.submit(() -> stub("cam").modelInfer(waiting())));
      awaitWaiting(server, 1);

      assertThatThrownBy(() -> stub("cam").modelInfer(waiting()))
          .hasMessageStartingWith(
              "UNAVAILABLE: Exceeds maximum queue size of one application: 1 calls of ")
          .hasMessageEndingWith(" bytes of 'cam' wait");
      calls.add(threads.submit(() -> stub("lidar").modelInfer(waiting())));
      awaitWaiting(server, 2);
    } finally {
      go.countDown();
    }
    for (Future<?> call : calls) {
      call.get(20, TimeUnit.SECONDS);
    }
    assertThat(server.server().service().callStatistics().applications())
        .contains(
            new ApplicationStatistics("cam", 2, 0, 1, 0, 0, 0),
            new ApplicationStatistics("lidar", 1, 0, 0, 0, 0, 0));
  }

  @Test
  void noApplicationTakesTheMemoryForTheOthers() throws Exception {
    CountDownLatch running = new CountDownLatch(2);
    CountDownLatch go = new CountDownLatch(1);
    TestServer server =
        start(config -> config.withBounds(ServeBounds.defaults().withRequestBytesMax(6_000_000)))
            .with("m", FakeModel.waiting(running, go));
    List<Future<?>> calls = new ArrayList<>();
    try {
      calls.add(threads.submit(() -> stub("cam").modelInfer(LargeRequestsTest.large())));
      QueuedCallsTest.await(() -> server.server().service().requests().bytes() >= 1_800_000);

      assertThatThrownBy(() -> stub("cam").modelInfer(LargeRequestsTest.large()))
          .hasMessageStartingWith("RESOURCE_EXHAUSTED: no room for this request now");
      calls.add(threads.submit(() -> stub("lidar").modelInfer(LargeRequestsTest.large())));
      assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();
    } finally {
      go.countDown();
    }
    for (Future<?> call : calls) {
      call.get(20, TimeUnit.SECONDS);
    }
    assertThat(server.server().service().callStatistics().applications())
        .contains(
            new ApplicationStatistics("cam", 1, 0, 1, 0, 0, 0),
            new ApplicationStatistics("lidar", 1, 0, 0, 0, 0, 0));
  }

  @Test
  void anApplicationThatClosesNoConnectionShutsOutItselfOnly() throws Exception {
    start(config -> config.withBounds(ServeBounds.defaults().withConnectionsMax(2)))
        .with("m", EchoModel.of(ElementType.FP32));
    ModelInferRequest request = TestServer.floats(1, 2).build();
    GRPCInferenceServiceBlockingStub first = stub("cam");
    first.modelInfer(request);
    try (TestClient second = TestClient.to(new ListenAddress.Unix(folder.resolve("cam")))) {
      second.inference().modelInfer(request);

      // A client that has read the reason tells it as INTERNAL, one that has not as UNAVAILABLE.
      assertThatThrownBy(() -> stub("cam").modelInfer(request))
          .isInstanceOfSatisfying(
              StatusRuntimeException.class,
              e ->
                  assertThat(e.getStatus().getCode())
                      .isIn(Status.Code.INTERNAL, Status.Code.UNAVAILABLE));
      assertThat(first.modelInfer(request).getOutputsCount()).isEqualTo(1);
      assertThat(stub("lidar").modelInfer(request).getOutputsCount()).isEqualTo(1);
    }
    QueuedCallsTest.await(() -> isAnswered(stub("cam"), request));
  }

  private static boolean isAnswered(
      GRPCInferenceServiceBlockingStub stub, ModelInferRequest request) {
    try {
      return stub.modelInfer(request).getOutputsCount() == 1;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  @Test
  void noApplicationReachesAnothersSharedMemory() throws Exception {
    int me = (Integer) Files.getAttribute(folder, "unix:uid");
    Path shm = Files.createDirectory(folder.resolve("shm"));
    for (String name : List.of("p_cam.x", "p_lidar.x", "p_x")) {
      Files.write(shm.resolve(name), TestServer.bytes(3, 4).toByteArray());
    }
    SharedMemoryConfig memory = new SharedMemoryConfig(shm, "p_", Set.of(me), 4, 1 << 20);
    start(config -> config.withSharedMemory(Optional.of(memory)))
        .with("m", EchoModel.of(ElementType.FP32));
    stub("cam").systemSharedMemoryRegister(region("r", "/p_cam.x"));

    assertThat(stub("cam").modelInfer(inRegion("r")).getRawOutputContents(0))
        .isEqualTo(TestServer.bytes(3, 4));
    for (String other : List.of("lidar", "other")) {
      assertThatThrownBy(() -> stub(other).modelInfer(inRegion("r")))
          .hasMessage("NOT_FOUND: Unable to find shared memory region: 'r'");
      assertThatThrownBy(() -> stub(other).systemSharedMemoryRegister(region("mine", "/p_cam.x")))
          .hasMessageStartingWith("INVALID_ARGUMENT: shared memory key '");
      stub(other).systemSharedMemoryUnregister(unregister("r"));
      stub(other).systemSharedMemoryUnregister(unregister(""));
      assertThat(regions(other)).isEmpty();
    }
    assertThat(regions("cam")).containsExactly("r");
    stub("lidar").systemSharedMemoryRegister(region("r", "p_lidar.x"));
    stub("other").systemSharedMemoryRegister(region("r", "p_x"));
    stub("cam").systemSharedMemoryUnregister(unregister("r"));
    assertThat(regions("cam")).isEmpty();
    assertThat(regions("lidar")).containsExactly("r");
    assertThat(stub("other").modelInfer(inRegion("r")).getRawOutputContents(0))
        .isEqualTo(TestServer.bytes(3, 4));
  }

  private TestServer start(UnaryOperator<ServeConfig> config) throws ListenException {
    TestServer server =
        TestServer.start(
            usual ->
                config.apply(
                    ServeConfig.at(
                        List.of(
                            listener("cam", "app=cam,mode=0600"),
                            listener("lidar", "app=lidar"),
                            Listener.of(new ListenAddress.Unix(folder.resolve("other")))))));
    open.add(server);
    return server;
  }

  private Listener listener(String file, String options) {
    return Listener.parse("unix:%s,%s".formatted(folder.resolve(file), options));
  }

  private GRPCInferenceServiceBlockingStub stub(String socket) {
    TestClient client = TestClient.to(new ListenAddress.Unix(folder.resolve(socket)));
    synchronized (open) {
      open.add(client);
    }
    return client.inference();
  }

  private String rights(String socket) throws Exception {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve(socket)));
  }

  private Set<String> regions(String socket) {
    return stub(socket)
        .systemSharedMemoryStatus(SystemSharedMemoryStatusRequest.getDefaultInstance())
        .getRegionsMap()
        .keySet();
  }

  private static SystemSharedMemoryRegisterRequest region(String name, String key) {
    return SystemSharedMemoryRegisterRequest.newBuilder()
        .setName(name)
        .setKey(key)
        .setByteSize(8)
        .build();
  }

  private static SystemSharedMemoryUnregisterRequest unregister(String name) {
    return SystemSharedMemoryUnregisterRequest.newBuilder().setName(name).build();
  }

  private static ModelInferRequest inRegion(String name) {
    return ModelInferRequest.newBuilder()
        .setModelName("m")
        .addInputs(
            InferInputTensor.newBuilder()
                .setName("x")
                .setDatatype("FP32")
                .addAllShape(List.of(1L, 2L))
                .putParameters(
                    "shared_memory_region",
                    InferParameter.newBuilder().setStringParam(name).build())
                .putParameters(
                    "shared_memory_byte_size",
                    InferParameter.newBuilder().setInt64Param(8).build()))
        .build();
  }

  private static ModelInferRequest waiting() {
    return QueuedCallsTest.request().build();
  }

  private static void awaitWaiting(TestServer server, int calls) {
    QueuedCallsTest.await(() -> server.server().service().callStatistics().waiting() == calls);
  }
}
