package io.skerry.artifact;

import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.security.MessageDigest;
import java.util.List;
import java.util.regex.Pattern;

/**
 * One blob of an artifact.
 *
 * @param title a plain file name, never a path
 * @param size in bytes
 * @param chunks digests of its chunks of {@link #CHUNK_BYTES}, the last may be shorter
 */
public record Layer(LayerType type, String title, Digest digest, long size, List<Digest> chunks) {
  /** Bytes of a chunk: what a download can check before it has the whole. */
  public static final int CHUNK_BYTES = 1 << 20;

  /** The largest layer. */
  public static final long BYTES_MAX = 2L << 30;

  private static final Pattern TITLE = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");

  /**
   * Checks that title, size and chunks are possible.
   *
   * @throws ArtifactException if they are not
   */
  public Layer {
    if (!TITLE.matcher(title).matches()) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_MALFORMED,
          "layer title is no plain file name of 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'");
    }
    if (size < 0 || size > BYTES_MAX) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_TOO_LARGE,
          "layer %s has %d bytes, more than %d".formatted(title, size, BYTES_MAX));
    }
    chunks = List.copyOf(chunks);
    if (chunks.size() != chunkCount(size)) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_MALFORMED,
          "layer %s of %d bytes has %d chunk digests, needs %d"
              .formatted(title, size, chunks.size(), chunkCount(size)));
    }
  }

  private static int chunkCount(long size) {
    return (int) ((size + CHUNK_BYTES - 1) / CHUNK_BYTES);
  }

  /** Where a chunk starts. */
  public long chunkOffset(int chunk) {
    return (long) chunk * CHUNK_BYTES;
  }

  /** Bytes of a chunk. */
  public int chunkBytes(int chunk) {
    return (int) Math.min(CHUNK_BYTES, size - chunkOffset(chunk));
  }

  /** Whether these bytes are the chunk: {@code length} bytes from the array's start. */
  public boolean isChunk(int chunk, byte[] bytes, int length) {
    if (length != chunkBytes(chunk)) {
      return false;
    }
    MessageDigest digest = Digest.newMessageDigest();
    digest.update(bytes, 0, length);
    return Digest.of(digest).equals(chunks.get(chunk));
  }
}
