package io.skerry.artifact.trust;

import com.google.gson.JsonObject;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * Says, for a short time, that what a device knows is the newest: without a fresh one a device
 * keeps running what it runs and begins nothing new.
 *
 * <pre>{@code
 * {"version":41, "issuedAt":"2026-11-20T08:00:00Z", "expiresAt":"2026-11-27T08:00:00Z",
 *  "rootVersion":2, "floors":{"engine-health":9}}
 * }</pre>
 *
 * @param version from 1; grows with every one that is signed
 * @param issuedAt the signed time: a device's clock never runs behind it
 * @param rootVersion the newest root
 * @param floors the lowest release counter that a device may begin, per model; never below root's
 */
public record Snapshot(
    long version,
    Instant issuedAt,
    Instant expiresAt,
    long rootVersion,
    Map<ModelName, Long> floors) {
  /** Payload type of the signed form. */
  public static final String PAYLOAD_TYPE = "application/vnd.skerry.snapshot.v1+json";

  /** The largest envelope that is read, in JSON or as a message. */
  public static final int BYTES_MAX = 512 * 1024;

  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException if one is out of range, or it ends before it begins
   */
  public Snapshot {
    floors = TrustJson.checkedFloors(floors);
    if (version < 1 || rootVersion < 1) {
      throw new IllegalArgumentException(
          "version is %d and that of its root %d: both start at 1".formatted(version, rootVersion));
    }
    if (!issuedAt.isBefore(expiresAt)) {
      throw new IllegalArgumentException(
          "it is issued at %s and expires at %s".formatted(issuedAt, expiresAt));
    }
  }

  /** This snapshot, signed. */
  public DsseEnvelope signedBy(SigningKey key) {
    JsonObject object = new JsonObject();
    object.addProperty("version", version);
    object.addProperty("issuedAt", issuedAt.toString());
    object.addProperty("expiresAt", expiresAt.toString());
    object.addProperty("rootVersion", rootVersion);
    object.add("floors", TrustJson.floors(floors));
    return Dsse.sign(
        PAYLOAD_TYPE, object.toString().getBytes(StandardCharsets.UTF_8), List.of(key));
  }

  /**
   * The snapshot in an envelope, once enough of these keys are proven to have signed it.
   *
   * @throws io.skerry.artifact.sign.SignatureInvalidException if they have not
   * @throws TrustException if it is no snapshot
   */
  public static Snapshot open(DsseEnvelope envelope, Role keys) {
    return parse(keys.open(envelope, PAYLOAD_TYPE));
  }

  /**
   * Reads a payload, whose signature the caller checks.
   *
   * @throws TrustException if it is no snapshot
   */
  static Snapshot parse(byte[] payload) {
    try {
      JsonObject object = TrustJson.object(payload);
      return new Snapshot(
          TrustJson.count(object, "version"),
          TrustJson.instant(object, "issuedAt"),
          TrustJson.instant(object, "expiresAt"),
          TrustJson.count(object, "rootVersion"),
          TrustJson.floors(object, "floors"));
    } catch (IllegalArgumentException e) {
      throw new TrustException(
          ErrorCode.SNAPSHOT_INVALID, "snapshot is unreadable: " + e.getMessage(), e);
    }
  }
}
