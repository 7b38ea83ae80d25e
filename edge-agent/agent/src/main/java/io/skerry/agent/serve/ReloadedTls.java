package io.skerry.agent.serve;

import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.netty.buffer.ByteBufAllocator;
import io.grpc.netty.shaded.io.netty.handler.ssl.ApplicationProtocolNegotiator;
import io.grpc.netty.shaded.io.netty.handler.ssl.ClientAuth;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContextBuilder;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSessionContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * TLS that asks for a client's certificate, by files that may change while it serves.
 *
 * <p>Each new connection looks whether they did. Files that cannot be used together, as while one
 * is replaced before the other, change nothing. Nothing of a session outlives its files: what they
 * no longer allow cannot be resumed. Thread-safe.
 */
final class ReloadedTls extends SslContext {
  private static final Logger log = LoggerFactory.getLogger(ReloadedTls.class);

  // As long as a connection may last.
  private static final long SESSION_SECONDS_MAX = 3_600;

  private final TlsFiles files;
  private List<Object> seen;
  private Loaded loaded;

  private record Loaded(SslContext context, X509Certificate certificate) {}

  private ReloadedTls(TlsFiles files, List<Object> seen, Loaded loaded) {
    this.files = files;
    this.seen = seen;
    this.loaded = loaded;
  }

  /**
   * TLS by these files.
   *
   * @throws IOException if they cannot be read or do not belong together
   */
  static ReloadedTls of(TlsFiles files) throws IOException {
    return new ReloadedTls(files, stamps(files), load(files));
  }

  private static Loaded load(TlsFiles files) throws IOException {
    List<X509Certificate> chain = PemFiles.certificates(files.certificate());
    SslContextBuilder builder =
        SslContextBuilder.forServer(
                PemFiles.key(files.key(), chain.getFirst()), chain.toArray(X509Certificate[]::new))
            .trustManager(clients(files.clients()))
            .clientAuth(ClientAuth.REQUIRE)
            .sessionTimeout(SESSION_SECONDS_MAX)
            .protocols("TLSv1.3", "TLSv1.2");
    // The JDK's: the image for devices has no other.
    return new Loaded(
        GrpcSslContexts.configure(builder, SslProvider.JDK).build(), chain.getFirst());
  }

  private static TrustManager clients(Path file) throws IOException {
    try {
      KeyStore authorities = KeyStore.getInstance(KeyStore.getDefaultType());
      authorities.load(null, null);
      for (X509Certificate authority : PemFiles.certificates(file)) {
        authorities.setCertificateEntry("client-" + authorities.size(), authority);
      }
      TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
      factory.init(authorities);
      for (TrustManager trust : factory.getTrustManagers()) {
        if (trust instanceof X509ExtendedTrustManager found) {
          return new LoggedRefusals(found);
        }
      }
      throw new IllegalStateException("the JDK's PKIX has no X509ExtendedTrustManager");
    } catch (GeneralSecurityException e) {
      throw new IOException("'%s' cannot be used: %s".formatted(file, e.getMessage()), e);
    }
  }

  private static List<Object> stamps(TlsFiles files) throws IOException {
    List<Object> stamps = new ArrayList<>();
    for (Path file : List.of(files.certificate(), files.key(), files.clients())) {
      if (Files.exists(file)) {
        BasicFileAttributes facts = Files.readAttributes(file, BasicFileAttributes.class);
        stamps.add(facts.lastModifiedTime());
        stamps.add(facts.size());
        stamps.add(String.valueOf(facts.fileKey()));
      } else {
        stamps.add("absent");
      }
    }
    return stamps;
  }

  private synchronized Loaded current() {
    List<Object> now = seen;
    try {
      now = stamps(files);
      if (!now.equals(seen)) {
        loaded = load(files);
        log.atInfo()
            .addKeyValue("certificate", files.certificate())
            .addKeyValue("ends", loaded.certificate().getNotAfter().toInstant())
            .log("TLS files read anew");
      }
    } catch (IOException e) {
      log.atWarn()
          .addKeyValue("reason", e.getMessage())
          .log("changed TLS files not used; those from before still are");
    }
    seen = now;
    return loaded;
  }

  /** The certificate that is shown. */
  X509Certificate certificate() {
    return current().certificate();
  }

  @Override
  public boolean isClient() {
    return false;
  }

  @Override
  public List<String> cipherSuites() {
    return current().context().cipherSuites();
  }

  @Override
  @SuppressWarnings("deprecation") // Netty's own type of what has to be overridden.
  public ApplicationProtocolNegotiator applicationProtocolNegotiator() {
    return current().context().applicationProtocolNegotiator();
  }

  @Override
  public SSLEngine newEngine(ByteBufAllocator memory) {
    return current().context().newEngine(memory);
  }

  @Override
  public SSLEngine newEngine(ByteBufAllocator memory, String host, int port) {
    return current().context().newEngine(memory, host, port);
  }

  @Override
  public SSLSessionContext sessionContext() {
    return current().context().sessionContext();
  }
}
