package io.skerry.agent.update;

import io.skerry.agent.disk.Disk;
import io.skerry.artifact.Layer;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.util.Optional;

/** Blobs as a device fetches them, into a folder of its disk. */
public final class Downloads {
  private final BlobFolder blobs;
  private final BlobDownload download;

  /** Fetches through this client. */
  public Downloads(HttpClient http, Disk disk, Path folder) {
    blobs = new BlobFolder(disk, folder);
    download =
        new BlobDownload(
            new BlobRequest(() -> http, DownloadLimits.DEFAULTS.answer()),
            blobs,
            DownloadLimits.DEFAULTS,
            System::nanoTime);
  }

  /**
   * What became of an attempt.
   *
   * @param failure empty when the blob is here
   * @param received bytes that came
   */
  public record Attempt(Optional<ErrorCode> failure, long received) {}

  /** Fetches a layer, or what is missing of it. */
  public Attempt fetch(URI base, Layer layer) {
    long[] received = new long[1];
    DownloadMeter meter =
        new DownloadMeter(0, Long.MAX_VALUE, (bytes, kept) -> received[0] += bytes, () -> false);
    Optional<ErrorCode> failure = Optional.empty();
    try {
      download.fetch(base, layer, meter);
    } catch (UpdateException e) {
      failure = Optional.of(e.code());
    }
    meter.tell();
    return new Attempt(failure, received[0]);
  }

  /** Whether a blob is here. */
  public boolean has(Digest digest) {
    return blobs.has(digest);
  }

  /** A blob that is here. */
  public byte[] content(Digest digest) throws IOException {
    try (InputStream content = blobs.open(digest)) {
      return content.readAllBytes();
    }
  }
}
