package io.skerry.agent.update;

import io.skerry.agent.disk.DiskFile;
import io.skerry.agent.disk.DiskFullException;
import io.skerry.artifact.Layer;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * Fetches blobs into a {@link BlobFolder}. Every chunk is checked while it arrives, so that a bad
 * one costs no more than itself; what was checked stays on disk, and the next attempt goes on after
 * it. Nothing but one piece of a body is ever in memory.
 */
final class BlobDownload {
  private static final int BUFFER_BYTES = 64 * 1024;

  private final BlobRequest requests;
  private final BlobFolder blobs;
  private final DownloadLimits limits;
  private final LongSupplier nanoTime;
  // Names of blobs that arrive now: two at once would write into one file.
  private final Set<Digest> arriving = new HashSet<>();

  BlobDownload(
      BlobRequest requests, BlobFolder blobs, DownloadLimits limits, LongSupplier nanoTime) {
    this.requests = requests;
    this.blobs = blobs;
    this.limits = limits;
    this.nanoTime = nanoTime;
  }

  /** One blob; {@code chunks} are empty when only the most that it may have is known. */
  private record Wanted(URI base, Digest digest, long bytesMax, List<Digest> chunks) {
    boolean isSizeKnown() {
      return !chunks.isEmpty() || bytesMax == 0;
    }

    long chunkEnd(long position) {
      return Math.min(bytesMax, (position / Layer.CHUNK_BYTES + 1) * (long) Layer.CHUNK_BYTES);
    }
  }

  /** A chunk is not what it must be. */
  private static final class BadChunkException extends Exception {
    private static final long serialVersionUID = 1L;
  }

  /** Fetches a layer unless it is here. */
  void fetch(URI base, Layer layer, DownloadMeter meter) throws UpdateException {
    fetch(new Wanted(base, layer.digest(), layer.size(), layer.chunks()), meter);
  }

  /** Fetches a blob of at most so many bytes unless it is here. */
  void fetch(URI base, Digest digest, long bytesMax, DownloadMeter meter) throws UpdateException {
    fetch(new Wanted(base, digest, bytesMax, List.of()), meter);
  }

  private void fetch(Wanted wanted, DownloadMeter meter) throws UpdateException {
    Digest digest = wanted.digest();
    begin(digest);
    try {
      if (!blobs.has(digest)) {
        receiveBlob(wanted, meter);
      }
    } finally {
      end(digest);
    }
  }

  /** Waits until nobody else fetches it. */
  private void begin(Digest digest) throws UpdateException {
    synchronized (arriving) {
      try {
        while (!arriving.add(digest)) {
          arriving.wait();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new UpdateException(ErrorCode.SUPERSEDED, "interrupted", e);
      }
    }
  }

  private void end(Digest digest) {
    synchronized (arriving) {
      arriving.remove(digest);
      arriving.notifyAll();
    }
  }

  private void receiveBlob(Wanted wanted, DownloadMeter meter) throws UpdateException {
    Digest digest = wanted.digest();
    try (DiskFile file = blobs.openPart(digest)) {
      receiveAll(wanted, file, meter);
      file.force();
      Digest found = digest(file);
      if (!found.equals(digest)) {
        file.truncate(0);
        throw new UpdateException(
            ErrorCode.ARTIFACT_DIGEST_MISMATCH,
            "artifact digest mismatch: expected %s, got %s".formatted(digest, found));
      }
      blobs.complete(digest);
    } catch (DiskFullException e) {
      throw new UpdateException(
          ErrorCode.STORAGE_FULL, "blob %s cannot be stored: disk full".formatted(digest), e);
    } catch (IOException e) {
      throw new UpdateException(
          ErrorCode.STORAGE_FAILED,
          "blob %s cannot be stored: %s".formatted(digest, e.getMessage()),
          e);
    }
  }

  private void receiveAll(Wanted wanted, DiskFile file, DownloadMeter meter)
      throws UpdateException, IOException {
    long have = checkedBytes(file, wanted.chunks());
    file.truncate(have);
    int badChunks = 0;
    boolean restarted = false;
    while (have < wanted.bytesMax() || !wanted.isSizeKnown()) {
      Optional<BlobRequest.Answer> answer = requests.open(wanted.base(), wanted.digest(), have);
      if (answer.isEmpty()) {
        // The server has less than what was checked here, or counts otherwise: once from the start.
        if (restarted) {
          throw failed(wanted, "the server has no bytes from %d on".formatted(have));
        }
        restarted = true;
        have = 0;
        file.truncate(0);
        continue;
      }
      try (BodyFeed body = answer.get().body()) {
        receive(wanted, answer.get().from(), have, body, file, meter);
        return;
      } catch (BadChunkException e) {
        have = file.size();
        if (++badChunks > limits.badChunksMax()) {
          throw new UpdateException(
              ErrorCode.ARTIFACT_DIGEST_MISMATCH,
              "artifact digest mismatch: chunk at byte %d of %s is wrong time and again"
                  .formatted(have, wanted.digest()));
        }
      }
    }
  }

  /** Writes what comes until the blob is whole; cuts what comes beyond that. */
  private void receive(
      Wanted wanted, long from, long have, BodyFeed body, DiskFile file, DownloadMeter meter)
      throws UpdateException, IOException, BadChunkException {
    Progress progress = new Progress(nanoTime.getAsLong());
    // A server without ranges sends again what is here: it is checked already.
    long skip = have - from;
    long position = have;
    MessageDigest chunk = Digest.newMessageDigest();
    while (position < wanted.bytesMax()) {
      ByteBuffer bytes = next(body, wanted, progress);
      if (!bytes.hasRemaining()) {
        if (wanted.isSizeKnown()) {
          throw failed(wanted, "ended after %d of %d bytes".formatted(position, wanted.bytesMax()));
        }
        return;
      }
      progress.bytes += bytes.remaining();
      meter.count(bytes.remaining());
      int skipped = (int) Math.min(skip, bytes.remaining());
      bytes.position(bytes.position() + skipped);
      skip -= skipped;
      while (bytes.hasRemaining() && position < wanted.bytesMax()) {
        long end = wanted.isSizeKnown() ? wanted.chunkEnd(position) : wanted.bytesMax();
        int length = (int) Math.min(bytes.remaining(), end - position);
        ByteBuffer piece = bytes.slice(bytes.position(), length);
        chunk.update(piece.duplicate());
        file.write(piece, position);
        bytes.position(bytes.position() + length);
        position += length;
        if (position == end && wanted.isSizeKnown()) {
          checkChunk(wanted, position, chunk, file);
          meter.keep(Math.min(Layer.CHUNK_BYTES, position));
        }
      }
    }
  }

  private static void checkChunk(Wanted wanted, long end, MessageDigest chunk, DiskFile file)
      throws IOException, BadChunkException {
    int number = (int) ((end - 1) / Layer.CHUNK_BYTES);
    if (!Digest.of(chunk).equals(wanted.chunks().get(number))) {
      file.truncate((long) number * Layer.CHUNK_BYTES);
      throw new BadChunkException();
    }
  }

  /** How much came in the present stretch of time. */
  private static final class Progress {
    private long since;
    private long bytes;

    Progress(long since) {
      this.since = since;
    }
  }

  private ByteBuffer next(BodyFeed body, Wanted wanted, Progress progress) throws UpdateException {
    while (true) {
      Duration left =
          limits.progressEvery().minus(Duration.ofNanos(nanoTime.getAsLong() - progress.since));
      if (left.isNegative() || left.isZero()) {
        if (progress.bytes < limits.progressBytes()) {
          throw failed(
              wanted,
              "%d bytes in %s, at least %d are expected"
                  .formatted(progress.bytes, limits.progressEvery(), limits.progressBytes()));
        }
        progress.since = nanoTime.getAsLong();
        progress.bytes = 0;
        continue;
      }
      try {
        Optional<ByteBuffer> bytes = body.next(left);
        if (bytes.isPresent()) {
          return bytes.get();
        }
      } catch (IOException e) {
        throw new UpdateException(
            ErrorCode.DOWNLOAD_FAILED, "blob %s: %s".formatted(wanted.digest(), e.getMessage()), e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new UpdateException(ErrorCode.SUPERSEDED, "interrupted", e);
      }
    }
  }

  private static UpdateException failed(Wanted wanted, String fault) {
    return new UpdateException(
        ErrorCode.DOWNLOAD_FAILED, "blob %s: %s".formatted(wanted.digest(), fault));
  }

  /** Bytes of whole chunks from the start that are what they must be. */
  private static long checkedBytes(DiskFile file, List<Digest> chunks) throws IOException {
    long size = file.size();
    long checked = 0;
    ByteBuffer buffer = ByteBuffer.allocate(chunks.isEmpty() ? 0 : Layer.CHUNK_BYTES);
    for (Digest chunk : chunks) {
      buffer.clear().limit((int) Math.min(Layer.CHUNK_BYTES, size - checked));
      if (!buffer.hasRemaining()) {
        return checked;
      }
      file.read(buffer, checked);
      MessageDigest digest = Digest.newMessageDigest();
      digest.update(buffer.flip());
      if (!Digest.of(digest).equals(chunk)) {
        return checked;
      }
      checked += buffer.limit();
    }
    return checked;
  }

  private static Digest digest(DiskFile file) throws IOException {
    MessageDigest digest = Digest.newMessageDigest();
    ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
    long position = 0;
    while (true) {
      int read = file.read(buffer.clear(), position);
      if (read == 0) {
        return Digest.of(digest);
      }
      digest.update(buffer.flip());
      position += read;
    }
  }
}
