package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.ChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.skerry.agent.EchoModel;
import io.skerry.agent.identity.TestAuthority;
import io.skerry.agent.identity.TestAuthority.Pem;
import io.skerry.agent.serve.memory.SharedMemoryConfig;
import io.skerry.artifact.ElementType;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub;
import io.skerry.wire.inference.ServerMetadataRequest;
import io.skerry.wire.inference.SystemSharedMemoryRegisterRequest;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** TCP with TLS in both directions: real handshakes, real files. */
class MutualTlsTest {
  private final TestAuthority servers = new TestAuthority("servers");
  private final TestAuthority clients = new TestAuthority("clients");
  private final List<AutoCloseable> open = new ArrayList<>();
  @TempDir private Path folder;

  @BeforeEach
  void files() throws IOException {
    Pem server = servers.server();
    Files.writeString(folder.resolve("cert.pem"), server.certificate() + servers.pem());
    Files.writeString(folder.resolve("key.pem"), server.key());
    Files.writeString(folder.resolve("clients.pem"), clients.pem());
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable resource : open.reversed()) {
      resource.close();
    }
  }

  @Test
  void aClientsCertificateSaysWhichApplicationItIs() throws Exception {
    TestServer server = start();

    infer(stub(server, clients.client("CN=line.3,OU=plant,O=Works")));
    infer(stub(server, clients.client("O=Works,CN=press-1")));

    assertThat(server.server().service().callStatistics().applications())
        .containsExactly(
            new ApplicationStatistics("", 0, 0, 0, 0, 0, 0),
            new ApplicationStatistics("cert:line.3", 1, 0, 0, 0, 0, 0),
            new ApplicationStatistics("cert:press-1", 1, 0, 0, 0, 0, 0));
    assertThat(server.server().places())
        .containsExactly(server.server().address() + " (certificates)");
  }

  @Test
  void aCertificateIsNotWhoeverHasASocketOfItsName() {
    Listener socket = Listener.parse("unix:%s,app=vision".formatted(folder.resolve("vision.sock")));
    try (Applications applications =
        new Applications(List.of(socket, listener("127.0.0.1")), Optional.empty())) {
      applications.certified("vision").countAnswered();

      assertThat(applications.statistics(name -> 0))
          .containsExactly(
              new ApplicationStatistics("", 0, 0, 0, 0, 0, 0),
              new ApplicationStatistics("cert:vision", 1, 0, 0, 0, 0, 0),
              new ApplicationStatistics("vision", 0, 0, 0, 0, 0, 0));
      assertThat(applications.certified("vision").account())
          .isNotEqualTo(applications.of(socket).account());
    }
  }

  @Test
  void nobodyIsServedWithoutACertificate() throws Exception {
    TestServer server = start();

    refuses(
        stub(server, TlsChannelCredentials.newBuilder().trustManager(in(servers.pem())).build()));
    try (TestClient plain = TestClient.to(server.server().address())) {
      assertThatThrownBy(() -> infer(plain.inference())).hasMessageStartingWith("UNAVAILABLE");
    }
    assertThat(server.slots().active().getFirst().predictions()).isZero();
  }

  @Test
  void nobodyIsServedWithACertificateOfAnotherAuthority() throws Exception {
    TestServer server = start();

    refuses(stub(server, new TestAuthority("clients").client("CN=press-1")));
    refuses(stub(server, servers.client("CN=press-1")));
  }

  @Test
  void nobodyIsServedWithACertificateThatHasEnded() throws Exception {
    TestServer server = start();

    refuses(stub(server, clients.client("CN=press-1", Instant.now().minusSeconds(60))));
  }

  @Test
  void sessionsAreResumedForAnHour() throws Exception {
    assertThat(
            ReloadedTls.of(listener("127.0.0.1").tls().orElseThrow())
                .sessionContext()
                .getSessionTimeout())
        .isEqualTo(3_600);
  }

  @Test
  void aServersCertificateIsNoClients() throws Exception {
    TestServer server = start();

    refuses(stub(server, clients.server()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"O=Works", "CN=", "CN=a/b", "CN=.a"})
  void aCertificateThatNamesNoApplicationIsToldSo(String subject) throws Exception {
    TestServer server = start();

    assertThatThrownBy(() -> infer(stub(server, clients.client(subject))))
        .hasMessageStartingWith(
            "UNAUTHENTICATED: the client's certificate names no application: its subject needs");
  }

  @Test
  void newFilesCountForNewConnections() throws Exception {
    TestServer server = start();
    Pem old = clients.client("CN=press-1");
    GRPCInferenceServiceBlockingStub before = stub(server, old);
    infer(before);
    TestAuthority later = new TestAuthority("later");
    TestAuthority laterServers = new TestAuthority("later servers");
    Pem renewed = laterServers.server();

    // Nothing that is only half there counts.
    Files.writeString(folder.resolve("cert.pem"), renewed.certificate());
    infer(stub(server, old));
    Files.writeString(folder.resolve("key.pem"), renewed.key());
    Files.writeString(folder.resolve("clients.pem"), later.pem());

    infer(stub(server, credentials(laterServers, later.client("CN=press-2"))));
    refuses(stub(server, credentials(laterServers, old)));
    infer(before);
  }

  @Test
  void clientsFromElsewhereShareNoMemory() throws Exception {
    SharedMemoryConfig memory = SharedMemoryConfig.of("p_", Set.of(0));
    TestServer server =
        start(ServeConfig.at(List.of(listener("127.0.0.1"))).withSharedMemory(Optional.of(memory)));
    GRPCInferenceServiceBlockingStub stub = stub(server, clients.client("CN=press-1"));

    assertThat(stub.serverMetadata(ServerMetadataRequest.getDefaultInstance()).getExtensionsList())
        .doesNotContain("system_shared_memory");
    assertThatThrownBy(
            () ->
                stub.systemSharedMemoryRegister(
                    SystemSharedMemoryRegisterRequest.newBuilder()
                        .setName("r")
                        .setKey("p_x")
                        .setByteSize(1)
                        .build()))
        .hasMessageStartingWith("UNIMPLEMENTED: system shared memory is off");
  }

  @Test
  void mayListenBeyondThisMachine() throws Exception {
    TestServer server = start(ServeConfig.at(List.of(listener("0.0.0.0"))));

    infer(
        stub(
            new ListenAddress.Tcp(
                "127.0.0.1", ((ListenAddress.Tcp) server.server().address()).port()),
            credentials(servers, clients.client("CN=press-1"))));
  }

  @Test
  void countsTheNamesBeyondItsBoundTogether() {
    try (Applications applications =
        new Applications(List.of(listener("127.0.0.1")), Optional.empty())) {
      for (int i = 0; i < Applications.NAMES_MAX + 10; i++) {
        applications.certified("client-" + i).countAnswered();
      }

      List<ApplicationStatistics> statistics = applications.statistics(name -> 0);
      assertThat(statistics).hasSize(Applications.NAMES_MAX + 1);
      assertThat(statistics)
          .filteredOn(one -> one.name().equals("(others)"))
          .extracting(ApplicationStatistics::answered)
          .first()
          .satisfies(count -> assertThat(count).isGreaterThan(9));
      assertThat(statistics.stream().mapToLong(ApplicationStatistics::answered).sum())
          .isEqualTo(Applications.NAMES_MAX + 10);
    }
  }

  @Test
  void saysWhatIsWrongWithAFile() throws Exception {
    String key = Files.readString(folder.resolve("key.pem"));
    wrong("key.pem", servers.server().key(), "is not the key of the certificate of 'CN=control");
    wrong("key.pem", "nothing", "'%s' holds no private key in PEM");
    wrong("key.pem", key.replace("PRIVATE", "EC PRIVATE"), "holds a private key of another form");
    wrong("key.pem", key.replace("M", ""), "holds no private key for a certificate with EC");
    Files.writeString(folder.resolve("key.pem"), key);
    wrong("clients.pem", "", "'%s' holds no certificate");
    wrong(
        "clients.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "holds no certificates in PEM");
    Files.delete(folder.resolve("clients.pem"));
    assertThatThrownBy(this::start)
        .hasMessageContaining("there is no file '%s'", folder.resolve("clients.pem"));
  }

  private void wrong(String file, String content, String message) throws IOException {
    Path path = Files.writeString(folder.resolve(file), content);
    assertThatThrownBy(this::start)
        .isInstanceOf(ListenException.class)
        .hasMessageStartingWith("cannot listen on tcp:127.0.0.1:0: ")
        .hasMessageContaining(message.replace("%s", path.toString()));
  }

  private TestServer start() throws ListenException {
    return start(ServeConfig.at(List.of(listener("127.0.0.1"))));
  }

  private TestServer start(ServeConfig config) throws ListenException {
    TestServer server = TestServer.start(usual -> config).with("m", EchoModel.of(ElementType.FP32));
    open.add(server);
    return server;
  }

  private Listener listener(String host) {
    return Listener.parse(
        "tcp:%s:0,cert=%s,key=%s,clients=%s"
            .formatted(
                host,
                folder.resolve("cert.pem"),
                folder.resolve("key.pem"),
                folder.resolve("clients.pem")));
  }

  private GRPCInferenceServiceBlockingStub stub(TestServer server, Pem client) throws IOException {
    return stub(server, credentials(servers, client));
  }

  private GRPCInferenceServiceBlockingStub stub(TestServer server, ChannelCredentials credentials) {
    return stub((ListenAddress.Tcp) server.server().address(), credentials);
  }

  private GRPCInferenceServiceBlockingStub stub(
      ListenAddress.Tcp address, ChannelCredentials credentials) {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(address.host(), address.port(), credentials).build();
    open.add(channel::shutdownNow);
    return GRPCInferenceServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(30, TimeUnit.SECONDS);
  }

  private static ChannelCredentials credentials(TestAuthority believed, Pem own)
      throws IOException {
    return TlsChannelCredentials.newBuilder()
        .trustManager(in(believed.pem()))
        .keyManager(in(own.certificate()), in(own.key()))
        .build();
  }

  private static InputStream in(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static void infer(GRPCInferenceServiceBlockingStub stub) {
    assertThat(stub.modelInfer(TestServer.floats(1, 2).build()).getRawOutputContents(0))
        .isEqualTo(TestServer.bytes(1, 2));
  }

  private static void refuses(GRPCInferenceServiceBlockingStub stub) {
    assertThatThrownBy(() -> infer(stub))
        .isInstanceOf(StatusRuntimeException.class)
        .hasMessageStartingWith("UNAVAILABLE");
  }
}
