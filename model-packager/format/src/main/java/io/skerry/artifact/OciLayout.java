package io.skerry.artifact;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The folder of an artifact, as the OCI image layout lays it out.
 *
 * <pre>{@code
 * oci-layout              {"imageLayoutVersion":"1.0.0"}
 * index.json              names two manifests: "model" and "signature"
 * blobs/sha256/<hex>      every manifest, layer and envelope, named by its digest
 * }</pre>
 *
 * @param model digest of the model manifest
 * @param signature digest of the DSSE envelope over the model manifest
 * @param measurements digest of what was measured while the variant was chosen; nobody signs it
 * @param blobs every blob in the folder that the two manifests name, themselves included
 */
public record OciLayout(
    Path folder,
    Digest model,
    Digest signature,
    Optional<Digest> measurements,
    List<Digest> blobs) {
  static final String INDEX_TYPE = "application/vnd.oci.image.index.v1+json";
  static final String SIGNATURE_ARTIFACT_TYPE = "application/vnd.skerry.signature.v1";
  static final String ENVELOPE_TYPE = "application/vnd.dsse.envelope.v1+json";
  static final String REFERENCE = "org.opencontainers.image.ref.name";
  static final String MODEL_REFERENCE = "model";
  static final String SIGNATURE_REFERENCE = "signature";
  static final String VERSION_FILE = "{\"imageLayoutVersion\":\"1.0.0\"}";
  static final byte[] EMPTY_CONFIG = "{}".getBytes(StandardCharsets.UTF_8);
  private static final String EMPTY_TYPE = "application/vnd.oci.empty.v1+json";
  private static final String VERSION_NAME = "oci-layout";
  private static final int ARTIFACTS_NAMED_MAX = 20;
  private static final int INDEX_BYTES_MAX = 64 * 1024;

  public OciLayout {
    blobs = List.copyOf(blobs);
  }

  /**
   * Reads which blobs a folder holds. Checks that they are there; who trusts them uses {@link
   * ArtifactReader}.
   *
   * @throws ArtifactException if the folder is no artifact
   */
  public static OciLayout read(Path folder) {
    if (!Files.exists(folder.resolve(VERSION_NAME))) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_NOT_FOUND,
          "%s is no artifact: it has no file %s%s".formatted(folder, VERSION_NAME, inside(folder)));
    }
    JsonFields version =
        JsonFields.parse(VERSION_NAME, bytes(folder.resolve(VERSION_NAME), INDEX_BYTES_MAX));
    version.expect("imageLayoutVersion", "1.0.0");
    JsonFields index =
        JsonFields.parse("index.json", bytes(folder.resolve("index.json"), INDEX_BYTES_MAX));
    Digest model = reference(index, MODEL_REFERENCE);
    Digest signatureManifest = reference(index, SIGNATURE_REFERENCE);
    Set<Digest> blobs = new LinkedHashSet<>();
    blobs.add(model);
    blobs.add(Digest.of(EMPTY_CONFIG));
    byte[] manifest = bytes(blob(folder, model), ArtifactManifest.BYTES_MAX);
    ArtifactManifest.parse(manifest).layers().forEach(layer -> blobs.add(layer.digest()));
    List<Digest> envelopes = new ArrayList<>();
    Optional<Digest> measurements = Optional.empty();
    JsonFields signing =
        JsonFields.parse(
            "signature manifest", bytes(blob(folder, signatureManifest), INDEX_BYTES_MAX));
    for (JsonFields layer : signing.list("layers")) {
      Digest digest = layer.digest("digest");
      blobs.add(digest);
      if (layer.text("mediaType").equals(ENVELOPE_TYPE)) {
        envelopes.add(digest);
      } else if (layer.text("mediaType").equals(LayerType.MEASUREMENTS.mediaType())) {
        measurements = Optional.of(digest);
      }
    }
    blobs.add(signatureManifest);
    if (envelopes.size() != 1) {
      throw signing.fault("layers", "has %d signatures, expected 1".formatted(envelopes.size()));
    }
    for (Digest digest : blobs) {
      if (!Files.isRegularFile(blob(folder, digest))) {
        throw new ArtifactException(
            ErrorCode.ARTIFACT_NOT_FOUND, "artifact %s has no blob %s".formatted(folder, digest));
      }
    }
    return new OciLayout(folder, model, envelopes.getFirst(), measurements, List.copyOf(blobs));
  }

  private static Digest reference(JsonFields index, String name) {
    for (JsonFields manifest : index.list("manifests")) {
      if (manifest.has("annotations")
          && manifest.fields("annotations").has(REFERENCE)
          && manifest.fields("annotations").text(REFERENCE).equals(name)) {
        return manifest.digest("digest");
      }
    }
    throw index.fault("manifests", "names no '%s'".formatted(name));
  }

  // A packaging makes a folder of artifacts, one for each profile.
  private static String inside(Path folder) {
    try (Stream<Path> entries = Files.list(folder)) {
      List<String> artifacts =
          entries
              .filter(entry -> Files.exists(entry.resolve(VERSION_NAME)))
              .map(entry -> entry.getFileName().toString())
              .sorted()
              .limit(ARTIFACTS_NAMED_MAX)
              .toList();
      return artifacts.isEmpty()
          ? ""
          : ": name one of those in it: " + String.join(", ", artifacts);
    } catch (IOException | UncheckedIOException e) {
      return "";
    }
  }

  private static byte[] bytes(Path file, int bytesMax) {
    try {
      if (Files.size(file) > bytesMax) {
        throw new ArtifactException(
            ErrorCode.ARTIFACT_TOO_LARGE, "%s has more than %d bytes".formatted(file, bytesMax));
      }
      return Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw new ArtifactException(ErrorCode.ARTIFACT_NOT_FOUND, file + " is missing", e);
    } catch (IOException e) {
      throw new ArtifactException(ErrorCode.STORAGE_FAILED, file + " cannot be read", e);
    }
  }

  /** Where a blob lies. */
  public Path blob(Digest digest) {
    return blob(folder, digest);
  }

  static Path blob(Path folder, Digest digest) {
    return folder.resolve("blobs").resolve("sha256").resolve(digest.hex());
  }

  static JsonObject descriptor(String mediaType, Digest digest, long size) {
    JsonObject descriptor = new JsonObject();
    descriptor.addProperty("mediaType", mediaType);
    descriptor.addProperty("digest", digest.toString());
    descriptor.addProperty("size", size);
    return descriptor;
  }

  static JsonObject manifest(String artifactType) {
    JsonObject manifest = new JsonObject();
    manifest.addProperty("schemaVersion", 2);
    manifest.addProperty("mediaType", ArtifactManifest.MEDIA_TYPE);
    manifest.addProperty("artifactType", artifactType);
    manifest.add("config", descriptor(EMPTY_TYPE, Digest.of(EMPTY_CONFIG), EMPTY_CONFIG.length));
    return manifest;
  }

  static JsonArray single(JsonObject element) {
    JsonArray array = new JsonArray();
    array.add(element);
    return array;
  }
}
