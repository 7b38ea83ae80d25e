package io.skerry.artifact;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes an artifact as a folder in OCI image layout. The same inputs and key give the same bytes,
 * but for what was measured and the manifest that names it.
 */
public final class ArtifactWriter {
  private static final String MEASUREMENTS_FILE = "measurements.json";

  private final ModelVersion model;
  private final ProfileId profile;
  private final Engine engine;
  private final Precision precision;
  private final long releaseCounter;
  private final ModelSignature tensors;
  private final List<Layer> layers = new ArrayList<>();
  private final Map<Digest, byte[]> contents = new LinkedHashMap<>();
  private byte[] measurements = new byte[0];

  public ArtifactWriter(
      ModelVersion model,
      ProfileId profile,
      Engine engine,
      Precision precision,
      long releaseCounter,
      ModelSignature tensors) {
    this.model = model;
    this.profile = profile;
    this.engine = engine;
    this.precision = precision;
    this.releaseCounter = releaseCounter;
    this.tensors = tensors;
  }

  /**
   * Adds a layer; order counts.
   *
   * @param title a plain file name
   * @throws ArtifactException if the title is no plain file name
   */
  public ArtifactWriter add(LayerType type, String title, byte[] content) {
    if (type == LayerType.MEASUREMENTS) {
      measurements = content.clone();
      return this;
    }
    List<Digest> chunks = new ArrayList<>();
    for (int offset = 0; offset < content.length; offset += Layer.CHUNK_BYTES) {
      MessageDigest chunk = Digest.newMessageDigest();
      chunk.update(content, offset, Math.min(Layer.CHUNK_BYTES, content.length - offset));
      chunks.add(Digest.of(chunk));
    }
    Digest digest = Digest.of(content);
    layers.add(new Layer(type, title, digest, content.length, chunks));
    contents.put(digest, content.clone());
    return this;
  }

  /** Adds golden inputs and outputs. */
  public ArtifactWriter add(GoldenSet golden) {
    return add(LayerType.GOLDEN, "golden.bin", golden.toBytes());
  }

  /**
   * Writes the folder and signs.
   *
   * @param folder made anew; it must not exist or be empty
   * @throws ArtifactException if the layers make no artifact
   */
  public OciLayout write(Path folder, SigningKey releaseKey) throws IOException {
    return write(folder, List.of(releaseKey));
  }

  /**
   * Writes the folder and signs.
   *
   * @param folder made anew; it must not exist or be empty
   * @param releaseKeys who releases it; without any, the envelope has no signature, and nobody
   *     believes it until somebody signs
   * @throws ArtifactException if the layers make no artifact
   */
  public OciLayout write(Path folder, Collection<SigningKey> releaseKeys) throws IOException {
    ArtifactManifest manifest =
        new ArtifactManifest(model, profile, engine, precision, releaseCounter, tensors, layers);
    Files.createDirectories(folder.resolve("blobs").resolve("sha256"));
    Files.writeString(folder.resolve("oci-layout"), OciLayout.VERSION_FILE);
    for (byte[] content : contents.values()) {
      blob(folder, content);
    }
    blob(folder, OciLayout.EMPTY_CONFIG);
    byte[] manifestBytes = manifest.toJson();
    blob(folder, manifestBytes);
    byte[] envelope = Dsse.sign(ArtifactManifest.MEDIA_TYPE, manifestBytes, releaseKeys).toJson();
    blob(folder, envelope);
    byte[] signatureManifest = signatureManifest(folder, manifestBytes, envelope);
    blob(folder, signatureManifest);
    Files.write(folder.resolve("index.json"), index(manifestBytes, signatureManifest));
    return OciLayout.read(folder);
  }

  private byte[] signatureManifest(Path folder, byte[] manifest, byte[] envelope)
      throws IOException {
    JsonArray layers =
        OciLayout.single(
            OciLayout.descriptor(OciLayout.ENVELOPE_TYPE, Digest.of(envelope), envelope.length));
    if (measurements.length > 0) {
      JsonObject title = new JsonObject();
      title.addProperty(ArtifactManifest.TITLE, MEASUREMENTS_FILE);
      JsonObject descriptor =
          OciLayout.descriptor(
              LayerType.MEASUREMENTS.mediaType(), blob(folder, measurements), measurements.length);
      descriptor.add("annotations", title);
      layers.add(descriptor);
    }
    JsonObject signature = OciLayout.manifest(OciLayout.SIGNATURE_ARTIFACT_TYPE);
    signature.add("layers", layers);
    signature.add(
        "subject",
        OciLayout.descriptor(ArtifactManifest.MEDIA_TYPE, Digest.of(manifest), manifest.length));
    return signature.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] index(byte[] manifest, byte[] signatureManifest) {
    JsonArray manifests =
        OciLayout.single(
            named(manifest, ArtifactManifest.ARTIFACT_TYPE, OciLayout.MODEL_REFERENCE));
    manifests.add(
        named(signatureManifest, OciLayout.SIGNATURE_ARTIFACT_TYPE, OciLayout.SIGNATURE_REFERENCE));
    JsonObject index = new JsonObject();
    index.addProperty("schemaVersion", 2);
    index.addProperty("mediaType", OciLayout.INDEX_TYPE);
    index.add("manifests", manifests);
    return index.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static JsonObject named(byte[] manifest, String artifactType, String reference) {
    JsonObject name = new JsonObject();
    name.addProperty(OciLayout.REFERENCE, reference);
    JsonObject descriptor =
        OciLayout.descriptor(ArtifactManifest.MEDIA_TYPE, Digest.of(manifest), manifest.length);
    descriptor.addProperty("artifactType", artifactType);
    descriptor.add("annotations", name);
    return descriptor;
  }

  private static Digest blob(Path folder, byte[] content) throws IOException {
    Digest digest = Digest.of(content);
    Path file = OciLayout.blob(folder, digest);
    if (!Files.exists(file)) {
      Files.write(file, content);
    }
    return digest;
  }
}
