package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.skerry.agent.identity.TestAuthority;
import io.skerry.agent.identity.TestAuthority.Pem;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc;
import io.skerry.wire.inference.ServerLiveRequest;
import io.skerry.wire.inference.ServerLiveResponse;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a connection's TLS session says about its client; a resumed one checks nothing itself. */
class CertifiedCallerTest {
  private final TestAuthority authority = new TestAuthority("clients");
  @TempDir private Path folder;

  @Test
  void aCertificateThatEndedSinceItsSessionBeganIsRefused() throws Exception {
    assertThat(called(session(authority.client("CN=press-1")))).isEmpty();

    assertThat(called(session(authority.client("CN=press-1", Instant.now().minusSeconds(60)))))
        .singleElement()
        .satisfies(
            status -> {
              assertThat(status.getCode()).isEqualTo(Status.Code.UNAUTHENTICATED);
              assertThat(status.getDescription())
                  .startsWith("the client's certificate does not count now: ");
            });
  }

  @Test
  void whatCannotBeReadRefusesCallsAndThrowsNothing() {
    assertThat(
            called(
                session(
                    () -> {
                      throw new IllegalStateException("broken");
                    })))
        .extracting(Status::getCode)
        .containsExactly(Status.Code.UNAUTHENTICATED);
  }

  /** With what a call of a connection with this session is closed before it is handled. */
  private static List<Status> called(SSLSession session) {
    List<Status> closed = new ArrayList<>();
    try (Applications applications = new Applications(List.of(), Optional.empty())) {
      CertifiedCaller caller = new CertifiedCaller(applications);
      Attributes connection =
          caller.transportReady(
              Attributes.newBuilder().set(Grpc.TRANSPORT_ATTR_SSL_SESSION, session).build());
      caller.interceptCall(
          new Call(connection, closed),
          new Metadata(),
          (call, headers) -> new ServerCall.Listener<>() {});
    }
    return closed;
  }

  private SSLSession session(Pem client) throws Exception {
    Path file = Files.writeString(folder.resolve("client.pem"), client.certificate());
    Certificate[] chain = PemFiles.certificates(file).toArray(Certificate[]::new);
    return session(() -> chain);
  }

  private static SSLSession session(Supplier<Certificate[]> peer) {
    return (SSLSession)
        Proxy.newProxyInstance(
            SSLSession.class.getClassLoader(),
            new Class<?>[] {SSLSession.class},
            (proxy, method, arguments) ->
                method.getName().equals("getPeerCertificates") ? peer.get() : null);
  }

  private static final class Call extends ServerCall<ServerLiveRequest, ServerLiveResponse> {
    private final Attributes connection;
    private final List<Status> closed;

    Call(Attributes connection, List<Status> closed) {
      this.connection = connection;
      this.closed = closed;
    }

    @Override
    public Attributes getAttributes() {
      return connection;
    }

    @Override
    public void close(Status status, Metadata trailers) {
      closed.add(status);
    }

    @Override
    public void request(int messages) {}

    @Override
    public void sendHeaders(Metadata headers) {}

    @Override
    public void sendMessage(@Nullable ServerLiveResponse message) {}

    @Override
    public boolean isCancelled() {
      return false;
    }

    @Override
    public MethodDescriptor<ServerLiveRequest, ServerLiveResponse> getMethodDescriptor() {
      return GRPCInferenceServiceGrpc.getServerLiveMethod();
    }
  }
}
