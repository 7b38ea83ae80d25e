package io.skerry.agent.identity;

import com.google.gson.JsonObject;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity.Credential;
import io.skerry.agent.time.DeviceClock;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.trust.Trust;
import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How an enrolled device logs in, now and after its certificate was renewed. What {@link
 * RenewalMachine} decides is done here.
 *
 * <p>Nothing here keeps a device from serving: without a usable key it only cannot connect, and
 * says so. Thread-safe.
 */
public final class DeviceLogin implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DeviceLogin.class);

  private final Disk disk;
  private final Path dataDir;
  private final DeviceClock clock;
  private final Supplier<Trust> root;
  private final Executor executor;
  private final ClockCare clockCare;
  private final RenewalMachine machine;
  private final Optional<Keys> keys;
  private final String fault;
  private DeviceIdentity identity;
  private RenewalState state;
  private volatile Runnable reconnect = () -> {};
  private boolean told;

  /** What only a device with a usable key has. */
  private record Keys(KeyVault vault, DeviceTls tls) {}

  /**
   * How the login stands.
   *
   * @param renewalDue when the certificate is or was to be renewed
   * @param renewal {@code RESTING}, {@code ASKING}, {@code WAITING} or {@code PROVING}
   * @param fault why the device cannot log in; empty when it can, as far as it knows
   */
  public record Status(Validity certificate, Instant renewalDue, String renewal, String fault) {}

  private DeviceLogin(
      Disk disk,
      Path dataDir,
      DeviceIdentity identity,
      DeviceClock clock,
      Supplier<Trust> root,
      Executor executor,
      LongSupplier nanos) {
    this.disk = disk;
    this.dataDir = dataDir;
    this.identity = identity;
    this.clock = clock;
    this.root = root;
    this.executor = executor;
    this.machine = new RenewalMachine(seed(identity));
    Refusals refusals = new Refusals();
    PinnedTrust trust = PinnedTrust.of(identity.authority(), clock, refusals);
    this.clockCare = new ClockCare(clock, trust, executor, nanos);
    refusals.to = clockCare::datesRefused;
    this.state = new RenewalState.Resting(identity.validity());
    Optional<Keys> found = Optional.empty();
    String why = "";
    try {
      KeyVault vault = KeyVault.of(disk, dataDir, identity.token());
      found =
          Optional.of(
              new Keys(vault, new DeviceTls(vault, identity.current(), clock, trust, executor)));
    } catch (IOException e) {
      why = "%s; run 'skerry agent enroll --again'".formatted(e.getMessage());
      log.atError().addKeyValue("device", identity.device()).setCause(e).log("no key to log in");
    }
    this.keys = found;
    this.fault = why;
  }

  /** Lets a trust that is made first tell one that is made later. */
  private static final class Refusals implements Runnable {
    private volatile Runnable to = () -> {};

    @Override
    public void run() {
      to.run();
    }
  }

  /**
   * The login of a data folder.
   *
   * @param root whom the device believes now
   * @param executor for HTTPS; tasks block
   */
  public static DeviceLogin open(
      Disk disk,
      Path dataDir,
      DeviceIdentity identity,
      DeviceClock clock,
      Supplier<Trust> root,
      Executor executor) {
    DeviceLogin login =
        new DeviceLogin(disk, dataDir, identity, clock, root, executor, System::nanoTime);
    login.resume();
    return login;
  }

  private synchronized void resume() {
    if (keys.isEmpty() || identity.next().isEmpty()) {
      return;
    }
    Credential next = identity.next().get();
    try {
      keys.get().tls().offer(next);
      state = new RenewalState.Proving(identity.validity(), next.validity(), 0, clock.instant());
    } catch (IOException e) {
      log.atWarn().setCause(e).log("new certificate forgotten");
      forget(next);
    }
  }

  /** Told to connect again when there is a new certificate to be proven. */
  public void whenRenewed(Runnable connectAgain) {
    reconnect = connectAgain;
  }

  /** Who the device is. */
  public synchronized DeviceIdentity identity() {
    return identity;
  }

  /**
   * TLS for the link's next attempt to connect.
   *
   * @throws NoKeyException if the device has no key that can be used
   */
  public SSLContext forLink() {
    return usable().tls().forLink();
  }

  /**
   * HTTPS with the device's certificate; asked for anew for every call, and not to be closed.
   *
   * @throws NoKeyException if the device has no key that can be used
   */
  public HttpClient http() {
    return usable().tls().http();
  }

  /** Whether the device has a key that can be used. */
  public boolean isUsable() {
    return keys.isPresent();
  }

  private Keys usable() {
    return keys.orElseThrow(() -> new NoKeyException(fault));
  }

  /**
   * Asks the control plane for the time, with the device's certificate, and takes it. Blocks.
   *
   * @throws IOException if there is no answer that the control plane signed for this question
   */
  public void askTime() throws IOException, InterruptedException {
    ControlPort port = new ControlPort(usable().tls().http(), identity().controlBase());
    try {
      ClockCare.ask(clock, port, root.get());
    } catch (SignatureInvalidException e) {
      throw new IOException("the answer is not the control plane's: " + e.getMessage(), e);
    }
  }

  /** The link is up. Does not block. */
  public void connected() {
    keys.ifPresent(
        usable -> {
          boolean withNext = usable.tls().connected();
          executor.execute(() -> apply(new RenewalEvent.Connected(withNext)));
        });
  }

  /** Renews, and puts the clock right, when it is time. Call some times a minute. May block. */
  public void tick() throws InterruptedException {
    clock.tick();
    boolean looksWrong;
    DeviceIdentity known;
    synchronized (this) {
      known = identity;
      looksWrong = !identity.current().chain().validity().covers(clock.instant());
    }
    clockCare.tick(known.controlBase(), root, looksWrong);
    if (keys.isPresent()) {
      apply(new RenewalEvent.Ticked());
      tellOnce(known.validity());
    }
  }

  private void tellOnce(Validity validity) {
    boolean over = validity.isOver(clock.instant());
    if (over && !told) {
      log.atError()
          .addKeyValue("device", identity().device())
          .addKeyValue("expired", validity.notAfter())
          .log(
              "certificate has expired; if it is not renewed soon, run 'skerry agent enroll --again'");
    }
    told = over;
  }

  private synchronized void apply(RenewalEvent event) {
    RenewalMachine.Transition transition = machine.on(state, event, clock.instant());
    state = transition.state();
    for (RenewalEffect effect : transition.effects()) {
      switch (effect) {
        case ASK -> executor.execute(this::ask);
        case RECONNECT -> reconnect.run();
        case SWITCH -> adopt();
        case DISCARD -> identity.next().ifPresent(this::forget);
      }
    }
  }

  private void ask() {
    try {
      Credential next = issued(usable(), identity());
      synchronized (this) {
        DeviceIdentity offered = identity.withNext(Optional.of(next));
        offered.store(disk, dataDir);
        identity = offered;
        usable().tls().offer(next);
      }
      log.atInfo()
          .addKeyValue("device", identity().device())
          .addKeyValue("expires", next.validity().notAfter())
          .log("certificate issued");
      apply(new RenewalEvent.Issued(next.validity()));
    } catch (RefusedException e) {
      notRenewed(
          e.status() == 401 || e.status() == 403
              ? e.getMessage() + "; if this lasts, run 'skerry agent enroll --again'"
              : String.valueOf(e.getMessage()));
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      notRenewed(ControlPort.why(e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      notRenewed("interrupted");
    }
  }

  private void notRenewed(String cause) {
    log.atWarn()
        .addKeyValue("device", identity().device())
        .addKeyValue("cause", cause)
        .log("certificate not renewed yet");
    apply(new RenewalEvent.Failed());
  }

  private Credential issued(Keys usable, DeviceIdentity known)
      throws IOException, GeneralSecurityException, RefusedException, InterruptedException {
    // A key that a request in vain has left is asked for again.
    DeviceKey key = usable.vault().findOrMake(known.current().key() + 1);
    JsonObject body = new JsonObject();
    body.addProperty("csr", key.request(known.device().value()));
    JsonObject answer =
        new ControlPort(usable.tls().http(), known.controlBase()).post("/v1/certificates", body);
    if (!answer.has("certificate") || !answer.get("certificate").isJsonPrimitive()) {
      throw new IOException("the control plane answered no certificate");
    }
    CertificateChain chain = CertificateChain.parse(answer.get("certificate").getAsString());
    chain.requireIssuedTo(known.tenant(), known.device(), key.publicKey(), known.authority());
    return new Credential(key.number(), chain, clock.instant());
  }

  private void adopt() {
    Credential old = identity.current();
    usable().tls().adopt();
    try {
      DeviceIdentity switched = identity.switched();
      switched.store(disk, dataDir);
      identity = switched;
      // Twice: the file's predecessor on disk still named the old key as the one in use.
      switched.store(disk, dataDir);
      usable().vault().delete(old.key());
      log.atInfo().addKeyValue("device", identity.device()).log("certificate renewed");
    } catch (IOException e) {
      // Both are on disk: after the next start the new one is proven once more.
      log.atWarn().addKeyValue("device", identity.device()).setCause(e).log("renewal not written");
    }
  }

  private void forget(Credential next) {
    keys.ifPresent(usable -> usable.tls().reject());
    try {
      DeviceIdentity without = identity.withNext(Optional.empty());
      without.store(disk, dataDir);
      identity = without;
      usable().vault().delete(next.key());
      log.atWarn().addKeyValue("device", identity.device()).log("new certificate given up");
    } catch (IOException e) {
      log.atWarn().addKeyValue("device", identity.device()).setCause(e).log("identity not written");
    }
  }

  /** How the login stands. */
  public synchronized Status status() {
    Validity certificate = identity.validity();
    String renewal =
        switch (state) {
          case RenewalState.Resting resting -> "RESTING";
          case RenewalState.Asking asking -> "ASKING";
          case RenewalState.Waiting waiting -> "WAITING";
          case RenewalState.Proving proving -> "PROVING";
        };
    return new Status(certificate, machine.dueAt(certificate), renewal, fault(certificate));
  }

  private String fault(Validity certificate) {
    return fault.isEmpty() ? expired(certificate, clock) : fault;
  }

  private static String expired(Validity certificate, DeviceClock clock) {
    return certificate.isOver(clock.instant())
        ? "the certificate expired at %s: if it is not renewed, run 'skerry agent enroll --again'"
            .formatted(certificate.notAfter())
        : "";
  }

  /** What an identity says by itself, while no agent runs. */
  public static Status statusOf(DeviceIdentity identity, DeviceClock clock) {
    Validity certificate = identity.validity();
    return new Status(
        certificate,
        new RenewalMachine(seed(identity)).dueAt(certificate),
        identity.next().isPresent() ? "PROVING" : "RESTING",
        expired(certificate, clock));
  }

  private static long seed(DeviceIdentity identity) {
    return (identity.tenant() + "/" + identity.device()).hashCode();
  }

  @Override
  public void close() {
    keys.ifPresent(usable -> usable.tls().close());
  }
}
