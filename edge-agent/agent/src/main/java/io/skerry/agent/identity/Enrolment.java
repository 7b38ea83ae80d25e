package io.skerry.agent.identity;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import io.skerry.agent.identity.DeviceIdentity.Credential;
import io.skerry.agent.time.DeviceClock;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.trust.Trust;
import io.skerry.artifact.trust.TrustException;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns an enrolment token into an identity. The device then believes what its token names.
 *
 * <p>The key is on disk before anything is sent, and the identity is written last, in one step: an
 * enrolment that was interrupted is begun again with the same token and sends the same key.
 */
public final class Enrolment {
  /** Root documents that are read, one after the other. */
  static final int ROOTS_MAX = 1024;

  private static final Logger log = LoggerFactory.getLogger(Enrolment.class);
  private static final Gson GSON = new Gson();

  private final Disk disk;
  private final Path dataDir;
  private final Optional<Pkcs11Config> pkcs11;
  private final DeviceClock clock;
  private final boolean newKey;

  /**
   * Who enrols.
   *
   * @param labels the device's own; the token's win
   */
  public record Applicant(DeviceId device, Map<String, String> labels, DeviceFacts facts) {
    /** Copies. */
    public Applicant {
      labels = Map.copyOf(labels);
    }
  }

  /**
   * An enrolment into a data folder. One that holds an identity keeps its key while that can be
   * used: the control plane then knows the device again.
   *
   * @param pkcs11 where to keep the key, unless in the folder
   */
  public Enrolment(Disk disk, Path dataDir, Optional<Pkcs11Config> pkcs11, DeviceClock clock) {
    this(disk, dataDir, pkcs11, clock, false);
  }

  private Enrolment(
      Disk disk, Path dataDir, Optional<Pkcs11Config> pkcs11, DeviceClock clock, boolean newKey) {
    this.disk = disk;
    this.dataDir = dataDir;
    this.pkcs11 = pkcs11;
    this.clock = clock;
    this.newKey = newKey;
  }

  /** The same with a key that was never used: when the old one may be in other hands. */
  public Enrolment withNewKey() {
    return new Enrolment(disk, dataDir, pkcs11, clock, true);
  }

  /**
   * The key that this folder's next enrolment sends, made when there is none: its fingerprint is
   * what an operator allows beforehand.
   *
   * @throws IOException if it cannot be kept
   */
  public DeviceKey key() throws IOException {
    disk.createFolders(dataDir);
    KeyVault vault = KeyVault.of(disk, dataDir, pkcs11);
    if (!DeviceIdentity.isIn(disk, dataDir)) {
      return vault.findOrMake(1);
    }
    int used = used(vault);
    Optional<DeviceKey> known = newKey || used == 0 ? Optional.empty() : usable(vault, used);
    return known.isPresent() ? known.get() : vault.findOrMake(used + 1);
  }

  // Where keys are kept may change with a new enrolment, so that the old key may be elsewhere.
  private static Optional<DeviceKey> usable(KeyVault vault, int number) {
    try {
      return vault.find(number);
    } catch (IOException e) {
      log.atWarn().addKeyValue("key", number).setCause(e).log("key cannot be used any more");
      return Optional.empty();
    }
  }

  /** The highest number of a key that may be in use. */
  private int used(KeyVault vault) throws IOException {
    try {
      DeviceIdentity known = DeviceIdentity.load(disk, dataDir);
      return newKey ? known.next().orElse(known.current()).key() : known.current().key();
    } catch (IOException e) {
      log.atWarn().setCause(e).log("identity cannot be read any more");
    }
    int number = 0;
    while (vault.find(number + 1).isPresent()) {
      number++;
    }
    return number;
  }

  /**
   * Enrols with the control plane that the token names.
   *
   * @throws EnrolmentException if the token is unusable, the control plane cannot be reached,
   *     refuses, or is not the one that the token names
   * @throws IOException if the data folder or the PKCS#11 token cannot be used
   */
  public DeviceIdentity enrol(String tokenText, Applicant applicant)
      throws EnrolmentException, IOException, InterruptedException {
    EnrolmentToken token = EnrolmentToken.parse(tokenText);
    DeviceKey key = key();
    JsonObject request = request(token, applicant, key);
    AtomicBoolean datesRefused = new AtomicBoolean();
    PinnedTrust pinned = PinnedTrust.named(token.authority(), clock, () -> datesRefused.set(true));
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      try (HttpClient http =
          ControlPort.client(ControlPort.context(pinned, Optional.empty()), executor)) {
        ControlPort port = new ControlPort(http, token.url());
        try {
          return taken(token, applicant, key, port.post("/v1/enrolments", request));
        } catch (IOException e) {
          if (!datesRefused.get()) {
            throw e;
          }
          putClockRight(token, pinned, executor);
          return taken(token, applicant, key, port.post("/v1/enrolments", request));
        }
      } catch (NotStored e) {
        throw e.cause;
      } catch (RefusedException e) {
        throw new EnrolmentException("%s refused: %s".formatted(token.url(), e.getMessage()), e);
      } catch (IOException e) {
        throw new EnrolmentException(
            "%s cannot be reached: %s".formatted(token.url(), ControlPort.why(e)), e);
      }
    }
  }

  private JsonObject request(EnrolmentToken token, Applicant applicant, DeviceKey key)
      throws EnrolmentException, IOException {
    JsonObject request = new JsonObject();
    token.secret().ifPresent(secret -> request.addProperty("token", secret));
    request.addProperty("device", applicant.device().value());
    request.add("labels", GSON.toJsonTree(applicant.labels()));
    request.add("facts", GSON.toJsonTree(applicant.facts()));
    try {
      request.addProperty("csr", csr(applicant.device(), key));
    } catch (GeneralSecurityException e) {
      throw new EnrolmentException("the key cannot sign: " + e.getMessage(), e);
    }
    return request;
  }

  // The same bytes every time: the control plane knows an answer that got lost by them.
  private String csr(DeviceId device, DeviceKey key) throws GeneralSecurityException, IOException {
    Path file = requestFile();
    String heading = device + " " + key.fingerprint() + "\n";
    try {
      Optional<String> kept =
          DurableFile.read(disk, file)
              .map(content -> new String(content, StandardCharsets.US_ASCII))
              .filter(content -> content.startsWith(heading));
      if (kept.isPresent()) {
        return kept.get().substring(heading.length());
      }
    } catch (IOException e) {
      log.atInfo().addKeyValue("file", file).setCause(e).log("request made anew");
    }
    String made = key.request(device.value());
    disk.createFolders(dataDir.resolve("keys"));
    DurableFile.write(disk, file, (heading + made).getBytes(StandardCharsets.US_ASCII));
    return made;
  }

  private void forgetRequest() {
    try {
      disk.delete(requestFile());
    } catch (IOException e) {
      log.atDebug().setCause(e).log("request not deleted");
    }
  }

  private Path requestFile() {
    return dataDir.resolve("keys").resolve("request");
  }

  // The server's dates do not fit this clock: its root, which the token names, says whose word on
  // the time counts.
  private void putClockRight(EnrolmentToken token, PinnedTrust pinned, ExecutorService executor)
      throws EnrolmentException, IOException, InterruptedException {
    try (HttpClient http =
        ControlPort.client(
            ControlPort.context(pinned.ignoringDates(), Optional.empty()), executor)) {
      ControlPort port = new ControlPort(http, token.url());
      Optional<Trust> known = Optional.empty();
      for (int version = 1; version <= ROOTS_MAX; version++) {
        Optional<byte[]> root = port.get("/v1/roots/" + version);
        if (root.isEmpty()) {
          break;
        }
        DsseEnvelope envelope = DsseEnvelope.parseJson(root.get());
        known =
            Optional.of(
                known.isEmpty()
                    ? Trust.pinned(envelope, token.root())
                    : known.get().withRoot(envelope));
      }
      ClockCare.ask(
          clock, port, known.orElseThrow(() -> new IOException("the control plane has no root")));
    } catch (SignatureInvalidException | TrustException e) {
      throw new EnrolmentException(
          "this machine's clock says %s, and %s has no right to put it right: %s"
              .formatted(clock.reading().system(), token.url(), e.getMessage()),
          e);
    } catch (RefusedException e) {
      throw new EnrolmentException(
          "this machine's clock says %s, and %s does not tell the time: %s"
              .formatted(clock.reading().system(), token.url(), e.getMessage()),
          e);
    }
  }

  private DeviceIdentity taken(
      EnrolmentToken token, Applicant applicant, DeviceKey key, JsonObject answer)
      throws EnrolmentException {
    DeviceIdentity identity;
    try {
      CertificateChain chain = CertificateChain.parse(text(answer, "certificate"));
      X509Certificate authority =
          CertificateChain.find(chain.certificates(), token.authority())
              .orElseThrow(
                  () ->
                      new CertificateException(
                          "the certificate does not come from the authority that the token names"));
      identity =
          new DeviceIdentity(
              new TenantId(text(answer, "tenant")),
              new DeviceId(text(answer, "device")),
              text(answer, "mqttHost"),
              answer.get("mqttPort").getAsInt(),
              URI.create(text(answer, "controlBase")),
              URI.create(text(answer, "artifactBase")),
              authority,
              token.root(),
              roots(token, answer),
              answer.has("bootEpoch") ? answer.get("bootEpoch").getAsLong() : 0,
              pkcs11,
              new Credential(key.number(), chain, clock.instant()),
              Optional.empty());
      if (!identity.device().equals(applicant.device())) {
        throw new EnrolmentException(
            "the control plane enrolled '%s', not '%s'"
                .formatted(identity.device(), applicant.device()));
      }
      chain.requireIssuedTo(identity.tenant(), identity.device(), key.publicKey(), authority);
    } catch (CertificateException | SignatureInvalidException | TrustException e) {
      throw new EnrolmentException(
          "%s is not the control plane that the token names: %s"
              .formatted(token.url(), e.getMessage()),
          e);
    } catch (IllegalStateException
        | IllegalArgumentException
        | UnsupportedOperationException
        | NullPointerException e) {
      throw new EnrolmentException(token.url() + " answered no enrolment", e);
    }
    try {
      identity.store(disk, dataDir);
    } catch (IOException e) {
      throw new NotStored(e);
    }
    forgetRequest();
    return identity;
  }

  // What the control plane's answer shows to be true now; newer documents are asked for later.
  private List<String> roots(EnrolmentToken token, JsonObject answer) {
    List<String> roots =
        answer.getAsJsonArray("roots").asList().stream().map(JsonElement::getAsString).toList();
    if (roots.isEmpty() || roots.size() > ROOTS_MAX) {
      throw new IllegalArgumentException("%d roots".formatted(roots.size()));
    }
    Trust believed = Trust.pinned(envelope(roots.getFirst()), token.root());
    for (String root : roots.subList(1, roots.size())) {
      believed = believed.withRoot(envelope(root));
    }
    JsonElement snapshot = answer.get("snapshot");
    if (snapshot != null && snapshot.isJsonPrimitive()) {
      String signer = believed.root().snapshot().id();
      believed
          .withSnapshot(envelope(snapshot.getAsString()), clock.instant())
          .snapshot()
          .ifPresent(known -> clock.passed(known.issuedAt(), signer));
    }
    return roots;
  }

  private static DsseEnvelope envelope(String json) {
    return DsseEnvelope.parseJson(json.getBytes(StandardCharsets.UTF_8));
  }

  private static String text(JsonObject answer, String key) {
    return answer.get(key).getAsString();
  }

  /** The control plane's answer could not be written; not to be taken for one that did not come. */
  private static final class NotStored extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final IOException cause;

    NotStored(IOException cause) {
      super(cause);
      this.cause = cause;
    }
  }
}
