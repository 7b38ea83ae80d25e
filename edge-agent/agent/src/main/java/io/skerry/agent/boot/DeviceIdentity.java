package io.skerry.agent.boot;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.trust.Trust;
import io.skerry.artifact.trust.TrustException;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.TenantId;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/**
 * Who a device is, and whom it believes: what enrolment gave it.
 *
 * @param secret password for broker and artifacts; never logged
 * @param trust version 1 of the root document, as a DSSE envelope in JSON
 * @param rootKey the root key in hex
 * @param rootFingerprint what the enrolment token named
 */
public record DeviceIdentity(
    TenantId tenant,
    DeviceId device,
    String secret,
    String mqttHost,
    int mqttPort,
    URI artifactBase,
    String trust,
    String rootKey,
    String rootFingerprint) {
  private static final String FILE = "identity.json";

  /**
   * Where this device's trust begins.
   *
   * @throws TrustException if the root is another than the token named, or did not sign itself
   */
  public Trust pinnedTrust() {
    try {
      return Trust.pinned(
          DsseEnvelope.parseJson(trust.getBytes(StandardCharsets.UTF_8)), rootFingerprint);
    } catch (SignatureInvalidException e) {
      throw new TrustException(ErrorCode.ROOT_INVALID, "root is unreadable: " + e.getMessage(), e);
    }
  }

  /** Whether this data folder holds an identity. */
  public static boolean isIn(Path dataDir) {
    return Files.exists(dataDir.resolve(FILE));
  }

  /**
   * Makes the folder ready to take an identity: enrolment cannot be taken back, so whether there is
   * a place to write its answer is asked first.
   *
   * @throws IOException if nothing can be written there
   */
  static void prepare(Path dataDir) throws IOException {
    Files.createDirectories(dataDir);
    Files.deleteIfExists(Files.createTempFile(dataDir, FILE, ".part"));
  }

  /** Writes the identity, readable by its owner only. */
  public void store(Path dataDir) throws IOException {
    Files.createDirectories(dataDir);
    JsonObject object = new JsonObject();
    object.addProperty("tenant", tenant.value());
    object.addProperty("device", device.value());
    object.addProperty("secret", secret);
    object.addProperty("mqttHost", mqttHost);
    object.addProperty("mqttPort", mqttPort);
    object.addProperty("artifactBase", artifactBase.toString());
    object.addProperty("trust", trust);
    object.addProperty("rootKey", rootKey);
    object.addProperty("rootFingerprint", rootFingerprint);
    Path part = dataDir.resolve(FILE + ".part");
    Files.deleteIfExists(part);
    try (FileChannel channel =
        FileChannel.open(
            part,
            Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
      ByteBuffer bytes = StandardCharsets.UTF_8.encode(object.toString());
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
    Files.move(part, dataDir.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
  }

  /**
   * Reads the identity in this data folder.
   *
   * @throws NoSuchFileException if there is none
   * @throws IOException if it cannot be read
   */
  public static DeviceIdentity load(Path dataDir) throws IOException {
    Path file = dataDir.resolve(FILE);
    try {
      JsonObject object = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
      return new DeviceIdentity(
          new TenantId(object.get("tenant").getAsString()),
          new DeviceId(object.get("device").getAsString()),
          object.get("secret").getAsString(),
          object.get("mqttHost").getAsString(),
          object.get("mqttPort").getAsInt(),
          URI.create(object.get("artifactBase").getAsString()),
          object.get("trust").getAsString(),
          object.get("rootKey").getAsString(),
          object.get("rootFingerprint").getAsString());
    } catch (JsonParseException
        | IllegalStateException
        | IllegalArgumentException
        | UnsupportedOperationException
        | NullPointerException e) {
      throw new IOException("'%s' holds no identity".formatted(file), e);
    }
  }

  @Override
  public String toString() {
    return "DeviceIdentity[%s/%s]".formatted(tenant, device);
  }
}
