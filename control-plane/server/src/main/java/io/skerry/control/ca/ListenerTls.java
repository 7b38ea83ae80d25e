package io.skerry.control.ca;

import io.micronaut.http.server.netty.ssl.ServerSslBuilder;
import io.micronaut.http.ssl.ServerSslConfiguration;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.skerry.control.host.StartException;
import jakarta.inject.Singleton;
import java.util.Optional;
import javax.net.ssl.SSLException;

/**
 * TLS of the HTTP listeners that ask for it: shows the server's certificate, wants the client's.
 * Whoever shows one that the CA did not issue, or that has run out, is refused in the handshake.
 */
@Singleton
final class ListenerTls implements ServerSslBuilder {
  private final ServerTls tls;

  ListenerTls(ServerTls tls) {
    this.tls = tls;
  }

  @Override
  public ServerSslConfiguration getSslConfiguration() {
    // Not enabled there: each listener says by itself whether it speaks TLS.
    return new ServerSslConfiguration();
  }

  @Override
  public Optional<SslContext> build() {
    try {
      return Optional.of(
          SslContextBuilder.forServer(tls.serverKey())
              .sslProvider(SslProvider.JDK)
              .protocols("TLSv1.3", "TLSv1.2")
              .trustManager(tls.trust())
              .clientAuth(ClientAuth.OPTIONAL)
              .build());
    } catch (SSLException e) {
      throw new StartException("TLS cannot be set up: " + e.getMessage(), e);
    }
  }
}
