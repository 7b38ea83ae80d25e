package io.skerry.control.artifact;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.LayerType;
import io.skerry.control.host.DataFolder;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.telemetry.sketch.MonitoringPlan;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Content-addressed blobs. A blob is written beside its place, flushed, checked against its digest
 * and renamed, so what has a digest's name has its content. Safe for many threads and processes.
 */
@Singleton
public final class ArtifactStore {
  /** The largest blob that is taken in. */
  public static final long BLOB_BYTES_MAX = 16L << 30;

  private static final int INDEX_BYTES_MAX = 1 << 20;
  private static final int BLOBS_MAX = 1000;
  private static final String REFERENCE = "org.opencontainers.image.ref.name";

  private final Path blobs;

  @Inject
  ArtifactStore(DataFolder folder) {
    this(folder.child("blobs").resolve("sha256"));
  }

  ArtifactStore(Path blobs) {
    this.blobs = blobs;
    try {
      Files.createDirectories(blobs);
      removeLeftovers();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * What a layout's index names.
   *
   * @param model digest of the manifest named {@code model}
   * @param signature digest of the DSSE envelope that signs it
   * @param bytes of all blobs together
   */
  public record Imported(Digest model, Digest signature, long bytes) {}

  /** A stored blob. */
  public record Blob(Digest digest, Path file, long bytes) {}

  /** The blob of this digest. */
  public Optional<Blob> find(Digest digest) {
    Path file = blobs.resolve(digest.hex());
    try {
      return Files.isRegularFile(file)
          ? Optional.of(new Blob(digest, file, Files.size(file)))
          : Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The content of a blob that is small.
   *
   * @throws ProblemException if it is not there or has more than {@code bytesMax} bytes
   */
  public byte[] bytes(Digest digest, int bytesMax) {
    Blob blob =
        find(digest)
            .orElseThrow(
                () ->
                    new ProblemException(
                        ErrorCode.ARTIFACT_NOT_FOUND, "blob %s is gone".formatted(digest)));
    if (blob.bytes() > bytesMax) {
      throw new ProblemException(
          ErrorCode.ARTIFACT_TOO_LARGE,
          "blob %s has %d bytes, more than %d".formatted(digest, blob.bytes(), bytesMax));
    }
    return read(blob);
  }

  /**
   * What an artifact says of itself; empty when no blob here has this digest.
   *
   * @throws ArtifactException if the blob is no model manifest
   */
  public Optional<ArtifactManifest> manifest(Digest digest) {
    return small(digest, ArtifactManifest.BYTES_MAX).map(ArtifactManifest::parse);
  }

  /**
   * What an artifact says about how it is monitored; empty when it says nothing.
   *
   * @throws ArtifactException if the layer is not here, or larger than any monitoring manifest
   */
  public Optional<byte[]> monitoring(ArtifactManifest manifest) {
    return manifest
        .layer(LayerType.MONITORING)
        .map(
            layer ->
                small(layer.digest(), MonitoringPlan.BYTES_MAX)
                    .orElseThrow(
                        () ->
                            new ArtifactException(
                                ErrorCode.ARTIFACT_NOT_FOUND,
                                "monitoring manifest %s is not here".formatted(layer.digest()))));
  }

  // Its size is looked at first: a device may name any blob, a model of gigabytes too.
  private Optional<byte[]> small(Digest digest, int bytesMax) {
    return find(digest)
        .map(
            blob -> {
              if (blob.bytes() > bytesMax) {
                throw new ArtifactException(
                    ErrorCode.ARTIFACT_TOO_LARGE,
                    "blob %s has %d bytes, more than a manifest of at most %d"
                        .formatted(digest, blob.bytes(), bytesMax));
              }
              return read(blob);
            });
  }

  private static byte[] read(Blob blob) {
    try {
      return Files.readAllBytes(blob.file());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Takes every blob of an OCI image layout in.
   *
   * @throws ProblemException if the layout is malformed or a blob is not what its name says; the
   *     blobs before it stay, which harms nobody
   */
  public Imported importLayout(Path layout) {
    List<Path> files = blobFiles(layout.resolve("blobs").resolve("sha256"));
    long bytes = 0;
    for (Path file : files) {
      bytes += put(digest(file), file);
    }
    JsonObject index = json(layout.resolve("index.json"));
    Digest model = manifest(index, "model", layout);
    Digest signatureManifest = manifest(index, "signature", layout);
    return new Imported(model, envelope(signatureManifest, layout), bytes);
  }

  private static List<Path> blobFiles(Path folder) {
    try (Stream<Path> found = Files.list(folder)) {
      List<Path> files = found.sorted().limit(BLOBS_MAX + 1L).toList();
      if (files.size() > BLOBS_MAX) {
        throw malformed("layout %s has more than %d blobs".formatted(folder, BLOBS_MAX));
      }
      return files;
    } catch (IOException e) {
      throw new ProblemException(
          ErrorCode.ARTIFACT_MALFORMED, "%s is no OCI image layout".formatted(folder), e);
    }
  }

  private static Digest digest(Path file) {
    try {
      return new Digest(file.getFileName().toString());
    } catch (IllegalArgumentException e) {
      throw new ProblemException(
          ErrorCode.ARTIFACT_MALFORMED, "%s is not named by a digest".formatted(file), e);
    }
  }

  /**
   * Stores a file's content under its digest.
   *
   * @return its bytes
   * @throws ProblemException if the content has another digest
   */
  public long put(Digest digest, Path source) {
    Optional<Blob> present = find(digest);
    if (present.isPresent()) {
      return present.get().bytes();
    }
    try {
      Path part = Files.createTempFile(blobs, digest.hex(), ".part");
      try {
        long bytes = copyChecked(digest, source, part);
        Files.move(part, blobs.resolve(digest.hex()), StandardCopyOption.ATOMIC_MOVE);
        syncFolder();
        return bytes;
      } finally {
        Files.deleteIfExists(part);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Stores bytes under their digest. */
  public Digest put(byte[] content) {
    Digest digest = Digest.of(content);
    try {
      Path source = Files.createTempFile(blobs, digest.hex(), ".part");
      try {
        Files.write(source, content);
        put(digest, source);
      } finally {
        Files.deleteIfExists(source);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return digest;
  }

  private static long copyChecked(Digest digest, Path source, Path part) throws IOException {
    MessageDigest sha = Digest.newMessageDigest();
    long bytes = 0;
    try (InputStream in = Files.newInputStream(source);
        FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE);
        OutputStream out = java.nio.channels.Channels.newOutputStream(channel)) {
      byte[] buffer = new byte[1 << 16];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        bytes += n;
        if (bytes > BLOB_BYTES_MAX) {
          throw new ProblemException(
              ErrorCode.ARTIFACT_TOO_LARGE,
              "blob %s has more than %d bytes".formatted(digest, BLOB_BYTES_MAX));
        }
        sha.update(buffer, 0, n);
        out.write(buffer, 0, n);
      }
      channel.force(true);
    }
    Digest found = Digest.of(sha);
    if (!found.equals(digest)) {
      throw new ProblemException(
          ErrorCode.ARTIFACT_DIGEST_MISMATCH,
          "blob digest mismatch: expected %s, got %s; it was not stored".formatted(digest, found));
    }
    return bytes;
  }

  private void syncFolder() throws IOException {
    try (FileChannel folder = FileChannel.open(blobs, StandardOpenOption.READ)) {
      folder.force(true);
    }
  }

  private void removeLeftovers() throws IOException {
    try (Stream<Path> files = Files.list(blobs)) {
      for (Path file : files.filter(name -> name.toString().endsWith(".part")).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  private static Digest manifest(JsonObject index, String reference, Path layout) {
    try {
      for (JsonElement element : index.getAsJsonArray("manifests")) {
        JsonObject entry = element.getAsJsonObject();
        JsonObject annotations = entry.getAsJsonObject("annotations");
        if (annotations != null
            && annotations.has(REFERENCE)
            && annotations.get(REFERENCE).getAsString().equals(reference)) {
          return Digest.parse(entry.get("digest").getAsString());
        }
      }
    } catch (RuntimeException e) {
      throw new ProblemException(
          ErrorCode.ARTIFACT_MALFORMED, "index.json of %s cannot be read".formatted(layout), e);
    }
    throw malformed("index.json of %s names no manifest '%s'".formatted(layout, reference));
  }

  // The signature's manifest has one layer: the DSSE envelope.
  private Digest envelope(Digest signatureManifest, Path layout) {
    Blob manifest =
        find(signatureManifest)
            .orElseThrow(
                () -> malformed("layout %s lacks blob %s".formatted(layout, signatureManifest)));
    try {
      JsonElement layer = json(manifest.file()).getAsJsonArray("layers").get(0);
      return Digest.parse(layer.getAsJsonObject().get("digest").getAsString());
    } catch (RuntimeException e) {
      throw new ProblemException(
          ErrorCode.ARTIFACT_MALFORMED,
          "signature manifest of %s cannot be read".formatted(layout),
          e);
    }
  }

  private static JsonObject json(Path file) {
    try {
      if (Files.size(file) > INDEX_BYTES_MAX) {
        throw malformed("%s is larger than %d bytes".formatted(file, INDEX_BYTES_MAX));
      }
      return JsonParser.parseString(Files.readString(file, StandardCharsets.UTF_8))
          .getAsJsonObject();
    } catch (IOException | JsonParseException | IllegalStateException e) {
      throw new ProblemException(
          ErrorCode.ARTIFACT_MALFORMED, "%s cannot be read".formatted(file), e);
    }
  }

  private static ProblemException malformed(String detail) {
    return new ProblemException(ErrorCode.ARTIFACT_MALFORMED, detail);
  }
}
