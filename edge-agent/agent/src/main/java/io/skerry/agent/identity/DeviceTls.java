package io.skerry.agent.identity;

import io.skerry.agent.identity.DeviceIdentity.Credential;
import java.io.IOException;
import java.net.http.HttpClient;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * TLS with the device's certificates: for the link, which tries a new certificate beside the one
 * that works, and for HTTPS. Thread-safe.
 */
final class DeviceTls implements AutoCloseable {
  private final KeyVault vault;
  private final InstantSource clock;
  private final PinnedTrust trust;
  private final Executor executor;
  private Login current;
  private Optional<Login> next = Optional.empty();
  private boolean triedNext;
  private @Nullable HttpClient http;

  /** A certificate, ready to be shown. */
  private record Login(Credential credential, SSLContext context) {}

  /**
   * @throws IOException if the vault does not have the key
   */
  DeviceTls(
      KeyVault vault, Credential current, InstantSource clock, PinnedTrust trust, Executor executor)
      throws IOException {
    this.vault = vault;
    this.clock = clock;
    this.trust = trust;
    this.executor = executor;
    this.current = login(current);
  }

  private Login login(Credential credential) throws IOException {
    DeviceKey key =
        vault
            .find(credential.key())
            .orElseThrow(
                () -> new IOException("key %d of this device is gone".formatted(credential.key())));
    return new Login(
        credential,
        ControlPort.context(
            trust, Optional.of(new OneLogin(key.privateKey(), credential.chain()))));
  }

  /** Tries this certificate from now on, beside the one that works. */
  synchronized void offer(Credential credential) throws IOException {
    next = Optional.of(login(credential));
    triedNext = false;
  }

  /** Uses the offered certificate only. */
  synchronized void adopt() {
    next.ifPresent(
        login -> {
          current = login;
          next = Optional.empty();
          forgetClient();
        });
  }

  /** Uses the offered certificate no more. */
  synchronized void reject() {
    next = Optional.empty();
    triedNext = false;
  }

  /**
   * For the link's next attempt: the offered certificate and the one that works by turns, so that a
   * bad new one costs one attempt.
   */
  synchronized SSLContext forLink() {
    triedNext = next.isPresent() && !triedNext;
    return triedNext ? next.orElseThrow().context() : current.context();
  }

  /** The link is up; whether with the offered certificate. The next attempt begins with that. */
  synchronized boolean connected() {
    boolean withNext = triedNext && next.isPresent();
    triedNext = false;
    return withNext;
  }

  /** For HTTPS: with the certificate that counts now, if one does. Not to be closed. */
  synchronized HttpClient http() {
    if (current.credential().chain().validity().isOver(clock.instant()) && next.isPresent()) {
      return ControlPort.client(next.get().context(), executor);
    }
    if (http == null) {
      http = ControlPort.client(current.context(), executor);
    }
    return http;
  }

  // What is under way ends by itself.
  private void forgetClient() {
    if (http != null) {
      http.shutdown();
      http = null;
    }
  }

  @Override
  public synchronized void close() {
    if (http != null) {
      http.shutdownNow();
      http = null;
    }
  }
}
