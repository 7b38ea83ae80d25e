package io.skerry.agent.identity;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Who a device is and where its control plane is: what enrolment gave it. Holds no secret; the keys
 * are in the {@link KeyVault}.
 *
 * @param controlBase the control plane's port for devices
 * @param artifactBase where the device's certificate opens artifacts
 * @param authority the only one whose servers and certificates count
 * @param rootFingerprint SHA-256 of the first root document
 * @param roots root documents as they came, the first one first: envelopes in JSON
 * @param bootEpochSeen the highest boot epoch that the control plane knew under this name
 * @param token where keys are, unless in the data folder
 * @param current the login in use
 * @param next a login that was issued and has not been proven by a connection
 */
public record DeviceIdentity(
    TenantId tenant,
    DeviceId device,
    String mqttHost,
    int mqttPort,
    URI controlBase,
    URI artifactBase,
    X509Certificate authority,
    String rootFingerprint,
    List<String> roots,
    long bootEpochSeen,
    Optional<Pkcs11Config> token,
    Credential current,
    Optional<Credential> next) {
  private static final String FILE = "identity.json";

  /** Copies. */
  public DeviceIdentity {
    roots = List.copyOf(roots);
  }

  /** The same device, whose way to the broker leads through another address. */
  public DeviceIdentity through(String host, int port) {
    return new DeviceIdentity(
        tenant,
        device,
        host,
        port,
        controlBase,
        artifactBase,
        authority,
        rootFingerprint,
        roots,
        bootEpochSeen,
        token,
        current,
        next);
  }

  /**
   * A key and its certificate.
   *
   * @param key the key's number in the vault
   * @param since when it was received: authorities backdate certificates
   */
  record Credential(int key, CertificateChain chain, Instant since) {
    /** From when it was received until it ends. */
    Validity validity() {
      Validity whole = chain.validity();
      return whole.covers(since) ? new Validity(since, whole.notAfter()) : whole;
    }
  }

  /** Whether this data folder holds an identity. */
  public static boolean isIn(Disk disk, Path dataDir) {
    Path file = dataDir.resolve(FILE);
    return disk.exists(file) || disk.exists(dataDir.resolve(FILE + ".before"));
  }

  /** From when until when the certificate in use counts. */
  public Validity validity() {
    return current.validity();
  }

  /** The same, logging in with {@code next} from now on. */
  DeviceIdentity switched() {
    return with(next.orElse(current), Optional.empty());
  }

  DeviceIdentity withNext(Optional<Credential> credential) {
    return with(current, credential);
  }

  private DeviceIdentity with(Credential login, Optional<Credential> following) {
    return new DeviceIdentity(
        tenant,
        device,
        mqttHost,
        mqttPort,
        controlBase,
        artifactBase,
        authority,
        rootFingerprint,
        roots,
        bootEpochSeen,
        token,
        login,
        following);
  }

  /** Writes the identity in one step: after a crash it is the old one or this one. */
  public void store(Disk disk, Path dataDir) throws IOException {
    JsonObject object = new JsonObject();
    object.addProperty("tenant", tenant.value());
    object.addProperty("device", device.value());
    object.addProperty("mqttHost", mqttHost);
    object.addProperty("mqttPort", mqttPort);
    object.addProperty("controlBase", controlBase.toString());
    object.addProperty("artifactBase", artifactBase.toString());
    object.addProperty("authority", CertificateChain.pem(authority));
    object.addProperty("rootFingerprint", rootFingerprint);
    JsonArray documents = new JsonArray();
    roots.forEach(documents::add);
    object.add("roots", documents);
    object.addProperty("bootEpochSeen", bootEpochSeen);
    token.ifPresent(
        config -> {
          object.addProperty("pkcs11", config.config().toString());
          config.pinFile().ifPresent(pin -> object.addProperty("pkcs11Pin", pin.toString()));
        });
    object.add("current", json(current));
    next.ifPresent(credential -> object.add("next", json(credential)));
    disk.createFolders(dataDir);
    DurableFile.write(
        disk, dataDir.resolve(FILE), object.toString().getBytes(StandardCharsets.UTF_8));
  }

  private static JsonObject json(Credential credential) {
    JsonObject object = new JsonObject();
    object.addProperty("key", credential.key());
    object.addProperty("certificate", credential.chain().pem());
    object.addProperty("since", credential.since().toString());
    return object;
  }

  /**
   * Reads the identity in this data folder.
   *
   * @throws NoSuchFileException if there is none
   * @throws IOException if it cannot be read
   */
  public static DeviceIdentity load(Disk disk, Path dataDir) throws IOException {
    Path file = dataDir.resolve(FILE);
    byte[] content =
        DurableFile.read(disk, file).orElseThrow(() -> new NoSuchFileException(file.toString()));
    try {
      JsonObject object =
          JsonParser.parseString(new String(content, StandardCharsets.UTF_8)).getAsJsonObject();
      return new DeviceIdentity(
          new TenantId(object.get("tenant").getAsString()),
          new DeviceId(object.get("device").getAsString()),
          object.get("mqttHost").getAsString(),
          object.get("mqttPort").getAsInt(),
          URI.create(object.get("controlBase").getAsString()),
          URI.create(object.get("artifactBase").getAsString()),
          CertificateChain.parse(object.get("authority").getAsString()).leaf(),
          object.get("rootFingerprint").getAsString(),
          object.getAsJsonArray("roots").asList().stream().map(JsonElement::getAsString).toList(),
          object.get("bootEpochSeen").getAsLong(),
          token(object),
          credential(object.getAsJsonObject("current")),
          object.has("next")
              ? Optional.of(credential(object.getAsJsonObject("next")))
              : Optional.empty());
    } catch (JsonParseException
        | CertificateException
        | DateTimeException
        | IllegalStateException
        | IllegalArgumentException
        | UnsupportedOperationException
        | ClassCastException
        | NullPointerException e) {
      throw new IOException("'%s' holds no identity".formatted(file), e);
    }
  }

  private static Optional<Pkcs11Config> token(JsonObject object) {
    return object.has("pkcs11")
        ? Optional.of(
            new Pkcs11Config(
                Path.of(object.get("pkcs11").getAsString()),
                object.has("pkcs11Pin")
                    ? Optional.of(Path.of(object.get("pkcs11Pin").getAsString()))
                    : Optional.empty()))
        : Optional.empty();
  }

  private static Credential credential(JsonObject object) throws CertificateException {
    return new Credential(
        object.get("key").getAsInt(),
        CertificateChain.parse(object.get("certificate").getAsString()),
        Instant.parse(object.get("since").getAsString()));
  }

  @Override
  public String toString() {
    return "DeviceIdentity[%s/%s]".formatted(tenant, device);
  }
}
