package io.skerry.artifact.trust;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.sign.VerificationKey;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Which keys each role has. Version 1 is pinned by its fingerprint; every later one is signed by
 * the root keys of the version before it and by its own.
 *
 * <pre>{@code
 * {"version":2, "expires":"2027-11-20T00:00:00Z",
 *  "roles":{"root":{"keys":[HEX...],"threshold":2}, "release":{...}, "director":{...},
 *           "snapshot":{...}},
 *  "delegations":[{"key":HEX,"models":["engine-health"],"profiles":["*"]}],
 *  "floors":{"engine-health":7}}
 * }</pre>
 *
 * <p>Keys are 64 hex digits. Unknown fields are left alone.
 *
 * @param version from 1, without gaps
 * @param expires from then on a device begins nothing new
 * @param delegations what automation keys may release, at most {@link #DELEGATIONS_MAX}
 * @param floors the lowest release counter that a device may begin, per model
 */
public record RootDocument(
    long version,
    Instant expires,
    Role root,
    Role release,
    Role director,
    Role snapshot,
    List<Delegation> delegations,
    Map<ModelName, Long> floors) {
  /** Payload type of the signed form. */
  public static final String PAYLOAD_TYPE = "application/vnd.skerry.root.v1+json";

  /** The largest envelope that is read, in JSON. */
  public static final int BYTES_MAX = 512 * 1024;

  /** Delegations that a root can have. */
  public static final int DELEGATIONS_MAX = 64;

  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException if one is out of range
   */
  public RootDocument {
    delegations = List.copyOf(delegations);
    floors = TrustJson.checkedFloors(floors);
    if (version < 1) {
      throw new IllegalArgumentException("version is %d, roots start at 1".formatted(version));
    }
    if (delegations.size() > DELEGATIONS_MAX) {
      throw new IllegalArgumentException(
          "%d delegations, more than %d".formatted(delegations.size(), DELEGATIONS_MAX));
    }
  }

  /** What an enrolment token names version 1 by: SHA-256 of its payload, 64 hex digits. */
  public static String fingerprint(DsseEnvelope root) {
    return Digest.of(root.unverifiedPayload()).hex();
  }

  /**
   * This document, signed.
   *
   * @param keys of the version before, and of this one
   */
  public DsseEnvelope signedBy(Collection<SigningKey> keys) {
    return Dsse.sign(PAYLOAD_TYPE, toJson(), keys);
  }

  /** The payload: the same bytes for the same document. */
  byte[] toJson() {
    JsonObject roles = new JsonObject();
    roles.add("root", json(root));
    roles.add("release", json(release));
    roles.add("director", json(director));
    roles.add("snapshot", json(snapshot));
    JsonArray delegated = new JsonArray();
    for (Delegation delegation : delegations) {
      JsonObject one = new JsonObject();
      one.addProperty("key", delegation.key().hex());
      one.add("models", names(delegation.models()));
      one.add("profiles", names(delegation.profiles()));
      delegated.add(one);
    }
    JsonObject object = new JsonObject();
    object.addProperty("version", version);
    object.addProperty("expires", expires.toString());
    object.add("roles", roles);
    object.add("delegations", delegated);
    object.add("floors", TrustJson.floors(floors));
    return object.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static JsonObject json(Role role) {
    JsonArray keys = new JsonArray();
    role.keys().forEach(key -> keys.add(key.hex()));
    JsonObject object = new JsonObject();
    object.add("keys", keys);
    object.addProperty("threshold", role.threshold());
    return object;
  }

  private static JsonArray names(Collection<String> names) {
    JsonArray array = new JsonArray();
    new TreeSet<>(names).forEach(array::add);
    return array;
  }

  /**
   * Reads a payload, whose signatures the caller checks.
   *
   * @throws TrustException if it is no root document
   */
  static RootDocument parse(byte[] payload) {
    try {
      JsonObject object = TrustJson.object(payload);
      JsonObject roles = TrustJson.object(object, "roles");
      List<Delegation> delegations = new ArrayList<>();
      for (JsonElement element : TrustJson.array(object, "delegations", DELEGATIONS_MAX)) {
        if (!(element instanceof JsonObject one)) {
          throw new IllegalArgumentException("a delegation is no object");
        }
        delegations.add(delegation(one));
      }
      return new RootDocument(
          TrustJson.count(object, "version"),
          TrustJson.instant(object, "expires"),
          role(roles, "root"),
          role(roles, "release"),
          role(roles, "director"),
          role(roles, "snapshot"),
          delegations,
          TrustJson.floors(object, "floors"));
    } catch (IllegalArgumentException e) {
      throw new TrustException(
          ErrorCode.ROOT_INVALID, "root document is unreadable: " + e.getMessage(), e);
    }
  }

  private static Role role(JsonObject roles, String name) {
    JsonObject role = TrustJson.object(roles, name);
    List<VerificationKey> keys =
        TrustJson.texts(role, "keys", Role.KEYS_MAX).stream().map(VerificationKey::ofHex).toList();
    return new Role(keys, (int) Math.min(TrustJson.count(role, "threshold"), Integer.MAX_VALUE));
  }

  private static Delegation delegation(JsonObject object) {
    return new Delegation(
        VerificationKey.ofHex(TrustJson.text(object, "key")),
        new LinkedHashSet<>(TrustJson.texts(object, "models", Delegation.NAMES_MAX)),
        new LinkedHashSet<>(TrustJson.texts(object, "profiles", Delegation.NAMES_MAX)));
  }
}
