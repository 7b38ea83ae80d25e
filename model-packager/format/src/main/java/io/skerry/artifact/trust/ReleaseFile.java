package io.skerry.artifact.trust;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.DsseSignature;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.sign.VerificationKey;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The variants of a version on their way between a control plane and the machines on which release
 * keys are kept: without signatures one way, with them the other.
 *
 * <pre>{@code
 * {"model":"engine-health", "version":3,
 *  "root":2, "release":{"keys":[HEX...],"threshold":2},
 *  "variants":[{"profile":"rpi5-int8", "digest":"sha256:...", "manifest":BASE64,
 *               "signatures":[{"keyid":TEXT,"sig":BASE64}]}]}
 * }</pre>
 *
 * <p>What is signed is each manifest, as a DSSE payload; model, version, profile and digest are
 * proven to be the manifest's own. Root and release only tell a key holder whose signatures are
 * asked for: control plane and devices go by the root that they know.
 *
 * @param rootVersion from 1
 * @param variants 1 to {@link #VARIANTS_MAX}, each of this version, no profile twice
 */
public record ReleaseFile(
    ModelVersion model, long rootVersion, Role release, List<Released> variants) {
  /** The largest file that is read. */
  public static final int BYTES_MAX = 32 << 20;

  /** Variants that a file can hold. */
  public static final int VARIANTS_MAX = 200;

  /** Digits of a key id that are shown. */
  private static final int KEY_ID_MAX = 64;

  /** A manifest and the envelope around its bytes, whose signatures are not proven. */
  public record Released(ArtifactManifest manifest, DsseEnvelope envelope) {
    /**
     * A manifest's bytes with these signatures.
     *
     * @throws ArtifactException if the bytes are no model manifest
     */
    public static Released of(byte[] manifest, List<DsseSignature> signatures) {
      return new Released(
          ArtifactManifest.parse(manifest),
          new DsseEnvelope(ArtifactManifest.MEDIA_TYPE, manifest, signatures));
    }

    /** The device class that it is for. */
    public ProfileId profile() {
      return manifest.profile();
    }

    /** Of the manifest's bytes. */
    public Digest digest() {
      return Digest.of(envelope.unverifiedPayload());
    }
  }

  /**
   * Checks that the variants belong together.
   *
   * @throws ArtifactException if there are none or too many, one is of another version, or two are
   *     for the same profile
   */
  public ReleaseFile {
    variants = List.copyOf(variants);
    if (variants.isEmpty() || variants.size() > VARIANTS_MAX) {
      throw malformed(
          "field 'variants' holds %d variants, 1 to %d are possible"
              .formatted(variants.size(), VARIANTS_MAX));
    }
    Set<ProfileId> profiles = new HashSet<>();
    for (int i = 0; i < variants.size(); i++) {
      ArtifactManifest manifest = variants.get(i).manifest();
      if (!manifest.model().equals(model)) {
        throw malformed(
            "field 'variants[%d].manifest' is of %s, the file is of %s"
                .formatted(i, manifest.model(), model));
      }
      if (!profiles.add(manifest.profile())) {
        throw malformed(
            "field 'variants[%d].profile' is %s, like that of a variant before"
                .formatted(i, manifest.profile()));
      }
    }
  }

  /**
   * Reads a file. Signatures are not proven yet.
   *
   * @throws ArtifactException with {@code ARTIFACT_MALFORMED}, {@code ARTIFACT_TOO_LARGE} or {@code
   *     ARTIFACT_DIGEST_MISMATCH}; its text names the field
   */
  public static ReleaseFile parse(byte[] json) {
    if (json.length > BYTES_MAX) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_TOO_LARGE,
          "release file has %d bytes, more than %d".formatted(json.length, BYTES_MAX));
    }
    try {
      JsonObject object = TrustJson.object(json);
      List<Released> variants = new ArrayList<>();
      for (JsonElement element : TrustJson.array(object, "variants", VARIANTS_MAX)) {
        variants.add(variant(variants.size(), element));
      }
      JsonObject release = TrustJson.object(object, "release");
      return new ReleaseFile(
          new ModelVersion(
              new ModelName(TrustJson.text(object, "model")), TrustJson.count(object, "version")),
          TrustJson.count(object, "root"),
          new Role(
              TrustJson.texts(release, "keys", Role.KEYS_MAX).stream()
                  .map(VerificationKey::ofHex)
                  .toList(),
              (int) Math.min(TrustJson.count(release, "threshold"), Integer.MAX_VALUE)),
          variants);
    } catch (IllegalArgumentException e) {
      throw malformed(String.valueOf(e.getMessage()));
    }
  }

  private static Released variant(int index, JsonElement element) {
    String where = "variants[" + index + "]";
    if (!(element instanceof JsonObject object)) {
      throw malformed("field '%s' is no object".formatted(where));
    }
    try {
      byte[] bytes = base64(object, "manifest");
      Digest digest = Digest.parse(TrustJson.text(object, "digest"));
      if (!Digest.of(bytes).equals(digest)) {
        throw new ArtifactException(
            ErrorCode.ARTIFACT_DIGEST_MISMATCH,
            "release file: field '%s.digest' is %s, its manifest has %s"
                .formatted(where, digest, Digest.of(bytes)));
      }
      List<DsseSignature> signatures = new ArrayList<>();
      for (JsonElement one : TrustJson.array(object, "signatures", DsseEnvelope.SIGNATURES_MAX)) {
        if (!(one instanceof JsonObject signature)) {
          throw new IllegalArgumentException("field 'signatures' holds what is no object");
        }
        signatures.add(
            new DsseSignature(TrustJson.text(signature, "keyid"), base64(signature, "sig")));
      }
      Released released = released(where, bytes, signatures);
      String profile = TrustJson.text(object, "profile");
      if (!released.profile().value().equals(profile)) {
        throw malformed(
            "field '%s.profile' is '%s', its manifest is for '%s'"
                .formatted(where, profile, released.profile()));
      }
      return released;
    } catch (IllegalArgumentException e) {
      throw malformed("%s: %s".formatted(where, e.getMessage()));
    }
  }

  private static Released released(String where, byte[] manifest, List<DsseSignature> signatures) {
    try {
      return Released.of(manifest, signatures);
    } catch (ArtifactException e) {
      throw new ArtifactException(
          e.code(),
          "release file: field '%s.manifest' is no model manifest: %s"
              .formatted(where, e.getMessage()),
          e);
    }
  }

  private static byte[] base64(JsonObject object, String name) {
    try {
      return Base64.getDecoder().decode(TrustJson.text(object, name));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("field '%s' is missing or no base64".formatted(name), e);
    }
  }

  private static ArtifactException malformed(String fault) {
    return new ArtifactException(ErrorCode.ARTIFACT_MALFORMED, "release file: " + fault);
  }

  /**
   * Which release keys are proven to have signed, variant by variant.
   *
   * @param trusted whose signatures count
   * @throws ArtifactException with {@code ARTIFACT_SIGNATURE_INVALID} if there is a signature that
   *     is not by one of these keys over this manifest: nothing is passed on that nobody can check
   */
  public List<Set<VerificationKey>> signers(Role trusted) {
    List<Set<VerificationKey>> signers = new ArrayList<>();
    for (int i = 0; i < variants.size(); i++) {
      DsseEnvelope envelope = variants.get(i).envelope();
      Set<VerificationKey> proven = new LinkedHashSet<>();
      for (int j = 0; j < envelope.signatures().size(); j++) {
        DsseSignature signature = envelope.signatures().get(j);
        Set<VerificationKey> by =
            Dsse.signers(
                new DsseEnvelope(
                    envelope.payloadType(), envelope.unverifiedPayload(), List.of(signature)),
                ArtifactManifest.MEDIA_TYPE,
                trusted.keys());
        if (by.isEmpty()) {
          throw unsigned("variants[%d].signatures[%d]".formatted(i, j), signature, trusted);
        }
        proven.addAll(by);
      }
      signers.add(proven);
    }
    return signers;
  }

  private static ArtifactException unsigned(String field, DsseSignature signature, Role trusted) {
    String id = signature.keyId().replaceAll("[^0-9A-Za-z]", "?");
    String shown = id.length() > KEY_ID_MAX ? id.substring(0, KEY_ID_MAX) : id;
    boolean known = trusted.keys().stream().anyMatch(key -> key.id().equals(signature.keyId()));
    return new ArtifactException(
        ErrorCode.ARTIFACT_SIGNATURE_INVALID,
        known
            ? "release file: field '%s' is no signature by release key %s over this manifest"
                .formatted(field, shown)
            : "release file: field '%s' is by key %s, which is no release key: those are %s"
                .formatted(field, shown, ids(trusted.keys())));
  }

  /**
   * Proves that enough release keys signed every variant.
   *
   * @throws ArtifactException with {@code ARTIFACT_SIGNATURE_INVALID}; its text names the first
   *     variant that lacks signatures, and which keys could still sign
   */
  public void requireReleased(Role trusted) {
    List<Set<VerificationKey>> signers = signers(trusted);
    for (int i = 0; i < variants.size(); i++) {
      Set<VerificationKey> signed = signers.get(i);
      if (signed.size() < trusted.threshold()) {
        throw new ArtifactException(
            ErrorCode.ARTIFACT_SIGNATURE_INVALID,
            "release file: field 'variants[%d].signatures' has %d of the %d needed by release keys for %s: %s can still sign"
                .formatted(
                    i,
                    signed.size(),
                    trusted.threshold(),
                    variants.get(i).profile(),
                    ids(trusted.keys().stream().filter(key -> !signed.contains(key)).toList())));
      }
    }
  }

  private static String ids(Collection<VerificationKey> keys) {
    return keys.stream().map(VerificationKey::id).collect(Collectors.joining(", ", "[", "]"));
  }

  /** The same file with a signature by each of these keys beside those that are there. */
  public ReleaseFile signedBy(Collection<SigningKey> keys) {
    List<Released> signed = new ArrayList<>();
    for (Released variant : variants) {
      DsseEnvelope envelope = variant.envelope();
      for (SigningKey key : keys) {
        envelope = Dsse.countersign(envelope, key);
      }
      signed.add(new Released(variant.manifest(), envelope));
    }
    return new ReleaseFile(model, rootVersion, release, signed);
  }

  /** The file: the same bytes for the same content. */
  public byte[] toJson() {
    JsonArray keys = new JsonArray();
    release.keys().forEach(key -> keys.add(key.hex()));
    JsonObject role = new JsonObject();
    role.add("keys", keys);
    role.addProperty("threshold", release.threshold());
    JsonArray array = new JsonArray();
    variants.forEach(variant -> array.add(json(variant)));
    JsonObject object = new JsonObject();
    object.addProperty("model", model.model().value());
    object.addProperty("version", model.version());
    object.addProperty("root", rootVersion);
    object.add("release", role);
    object.add("variants", array);
    return (new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(object)
            + "\n")
        .getBytes(StandardCharsets.UTF_8);
  }

  private static JsonObject json(Released variant) {
    JsonArray signatures = new JsonArray();
    for (DsseSignature signature : variant.envelope().signatures()) {
      JsonObject one = new JsonObject();
      one.addProperty("keyid", signature.keyId());
      one.addProperty("sig", Base64.getEncoder().encodeToString(signature.signature()));
      signatures.add(one);
    }
    JsonObject object = new JsonObject();
    object.addProperty("profile", variant.profile().value());
    object.addProperty("digest", variant.digest().toString());
    object.addProperty(
        "manifest", Base64.getEncoder().encodeToString(variant.envelope().unverifiedPayload()));
    object.add("signatures", signatures);
    return object;
  }
}
