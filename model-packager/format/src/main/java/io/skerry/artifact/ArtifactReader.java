package io.skerry.artifact;

import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reads artifacts from a source that may hold anything. What it returns was released by those who
 * may and has the digest that the signed manifest names; everything else is one {@link
 * ArtifactException}.
 */
public final class ArtifactReader {
  /** The largest layer that is read into memory; larger ones are copied to a file. */
  public static final int MEMORY_BYTES_MAX = 64 << 20;

  private static final int BUFFER_BYTES = 64 * 1024;

  private final BlobSource source;
  private final ReleaseCheck check;

  /**
   * @param check says whose signatures count
   */
  public ArtifactReader(BlobSource source, ReleaseCheck check) {
    this.source = source;
    this.check = check;
  }

  /**
   * The manifest, once those who may release it are proven to have signed it.
   *
   * @param manifest digest of the model manifest
   * @param signature digest of the DSSE envelope over it
   * @throws ArtifactException if the envelope is missing, changed, over another manifest, or not by
   *     those who may release it
   */
  public ArtifactManifest manifest(Digest manifest, Digest signature) {
    DsseEnvelope envelope = envelope(signature);
    Digest found = Digest.of(envelope.unverifiedPayload());
    if (!found.equals(manifest)) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_SIGNATURE_INVALID,
          "signature %s is over manifest %s, not %s".formatted(signature, found, manifest));
    }
    try {
      return check.released(envelope);
    } catch (ArtifactException e) {
      throw new ArtifactException(
          e.code(), "artifact %s: %s".formatted(manifest, e.getMessage()), e);
    }
  }

  private DsseEnvelope envelope(Digest signature) {
    byte[] json = bounded(signature, DsseEnvelope.JSON_BYTES_MAX);
    try {
      return DsseEnvelope.parseJson(json);
    } catch (SignatureInvalidException e) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_SIGNATURE_INVALID,
          "signature %s: %s".formatted(signature, e.getMessage()),
          e);
    }
  }

  /**
   * The bytes of a layer.
   *
   * @throws ArtifactException if it is missing, changed, or larger than {@link #MEMORY_BYTES_MAX}
   */
  public byte[] read(Layer layer) {
    if (layer.size() > MEMORY_BYTES_MAX) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_TOO_LARGE,
          "layer %s has %d bytes, more than %d are not read into memory"
              .formatted(layer.title(), layer.size(), MEMORY_BYTES_MAX));
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream((int) layer.size());
    copy(layer, bytes);
    return bytes.toByteArray();
  }

  /**
   * Copies a layer to a new file, which is removed again if the layer is not what it must be.
   *
   * @throws ArtifactException if the layer is missing or changed, or the file cannot be written
   */
  public void copy(Layer layer, Path file) {
    try {
      try (OutputStream target = Files.newOutputStream(file)) {
        copy(layer, target);
      } catch (ArtifactException e) {
        Files.deleteIfExists(file);
        throw e;
      }
    } catch (IOException e) {
      throw new ArtifactException(
          ErrorCode.STORAGE_FAILED, "file %s cannot be written".formatted(file), e);
    }
  }

  /**
   * Reads a layer to its end and keeps nothing.
   *
   * @throws ArtifactException if it is missing or changed
   */
  public void verify(Layer layer) {
    copy(layer, OutputStream.nullOutputStream());
  }

  /**
   * Reads a blob to its end and keeps nothing: one that no signature is over, but another blob
   * names.
   *
   * @throws ArtifactException if it is missing, changed, or larger than a layer may be
   */
  public void verify(Digest blob) {
    MessageDigest digest = Digest.newMessageDigest();
    byte[] buffer = new byte[BUFFER_BYTES];
    long taken = 0;
    try (InputStream stream = source.open(blob)) {
      int read;
      while ((read = stream.read(buffer)) >= 0) {
        taken += read;
        if (taken > Layer.BYTES_MAX) {
          throw new ArtifactException(
              ErrorCode.ARTIFACT_TOO_LARGE,
              "blob %s has more than %d bytes".formatted(blob, Layer.BYTES_MAX));
        }
        digest.update(buffer, 0, read);
      }
    } catch (IOException e) {
      throw unreadable(blob, e);
    }
    refuseOther(blob, Digest.of(digest));
  }

  /**
   * The golden inputs and outputs, if the artifact has any.
   *
   * @throws ArtifactException if their layer is missing, changed or malformed
   */
  public Optional<GoldenSet> golden(ArtifactManifest manifest) {
    return manifest.layer(LayerType.GOLDEN).map(this::read).map(GoldenSet::parse);
  }

  /**
   * Names of classes, by index; none if the artifact has none.
   *
   * @throws ArtifactException if their layer is missing, changed, or no JSON list of texts
   */
  public List<String> labels(ArtifactManifest manifest) {
    Optional<byte[]> json = manifest.layer(LayerType.LABELS).map(this::read);
    if (json.isEmpty()) {
      return List.of();
    }
    try {
      List<String> labels = new ArrayList<>();
      for (JsonElement label :
          JsonParser.parseString(new String(json.get(), StandardCharsets.UTF_8)).getAsJsonArray()) {
        labels.add(label.getAsString());
      }
      return List.copyOf(labels);
    } catch (JsonParseException | IllegalStateException | UnsupportedOperationException e) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_MALFORMED, "labels are no JSON list of texts", e);
    }
  }

  private byte[] bounded(Digest digest, int bytesMax) {
    try (InputStream stream = source.open(digest)) {
      byte[] bytes = stream.readNBytes(bytesMax + 1);
      if (bytes.length > bytesMax) {
        throw new ArtifactException(
            ErrorCode.ARTIFACT_TOO_LARGE,
            "blob %s has more than %d bytes".formatted(digest, bytesMax));
      }
      refuseOther(digest, Digest.of(bytes));
      return bytes;
    } catch (IOException e) {
      throw unreadable(digest, e);
    }
  }

  private void copy(Layer layer, OutputStream target) {
    MessageDigest digest = Digest.newMessageDigest();
    byte[] buffer = new byte[BUFFER_BYTES];
    long copied = 0;
    try (InputStream stream = source.open(layer.digest())) {
      int read;
      while ((read = stream.read(buffer)) >= 0) {
        copied += read;
        if (copied > layer.size()) {
          break;
        }
        digest.update(buffer, 0, read);
        target.write(buffer, 0, read);
      }
    } catch (IOException e) {
      throw unreadable(layer.digest(), e);
    }
    if (copied != layer.size()) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_DIGEST_MISMATCH,
          "layer %s has %s bytes than the %d of its manifest"
              .formatted(layer.title(), copied < layer.size() ? "fewer" : "more", layer.size()));
    }
    refuseOther(layer.digest(), Digest.of(digest));
  }

  private static void refuseOther(Digest expected, Digest found) {
    if (!expected.equals(found)) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_DIGEST_MISMATCH,
          "artifact digest mismatch: expected %s, got %s".formatted(expected, found));
    }
  }

  private static ArtifactException unreadable(Digest digest, IOException e) {
    ErrorCode code =
        e instanceof NoSuchFileException ? ErrorCode.ARTIFACT_NOT_FOUND : ErrorCode.STORAGE_FAILED;
    String fault = e instanceof FileSystemException ? "" : ": " + e.getMessage();
    return new ArtifactException(code, "blob %s cannot be read%s".formatted(digest, fault), e);
  }
}
