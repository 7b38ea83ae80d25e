package io.skerry.e2e.plane;

import io.micronaut.context.annotation.Requires;
import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.RequestFilter;
import io.micronaut.http.annotation.ServerFilter;
import io.micronaut.http.server.types.files.StreamedFile;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.protocol.Digest;
import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Lets the control plane's artifact server misbehave for chosen blobs. */
@ServerFilter("/artifacts/**")
@Requires(property = Director.PORT_FILE)
public class BadArtifacts implements Ordered {
  /** Bytes in a second of {@link Way#SLOW}. */
  public static final int SLOW_BYTES_PER_SECOND = 256;

  private final ArtifactStore store;
  private final Map<String, Way> ways = new ConcurrentHashMap<>();
  private final Map<String, Long> answered = new ConcurrentHashMap<>();

  /** How a blob is answered. */
  public enum Way {
    /** As it is. */
    WELL,
    /** 404. */
    NOT_FOUND,
    /** 403, as of an address that ran out. */
    EXPIRED,
    /** 416, whatever is asked for. */
    RANGE_REFUSED,
    /** The connection ends after half of the bytes. */
    TRUNCATED,
    /** One bit is another. */
    WRONG,
    /** {@link #SLOW_BYTES_PER_SECOND}. */
    SLOW,
    /** The whole blob, whatever range is asked for. */
    NO_RANGES,
    /** The connection stays open and nothing comes. */
    ENDLESS_SILENCE
  }

  BadArtifacts(ArtifactStore store) {
    this.store = store;
  }

  @Override
  public int getOrder() {
    return Ordered.HIGHEST_PRECEDENCE;
  }

  void set(Digest blob, Way way) {
    ways.put(blob.hex(), way);
  }

  /** Bad answers that were given for a blob. */
  long answered(Digest blob) {
    return answered.getOrDefault(blob.hex(), 0L);
  }

  /** Answers in place of the real server where a way is set. */
  @RequestFilter
  @ExecuteOn(TaskExecutors.BLOCKING)
  @Nullable HttpResponse<?> answer(HttpRequest<?> request) throws IOException {
    String path = request.getPath();
    String hex = path.substring(path.lastIndexOf('/') + 1);
    Way way = ways.getOrDefault(hex, Way.WELL);
    if (way == Way.WELL) {
      return null;
    }
    answered.merge(hex, 1L, Long::sum);
    Optional<ArtifactStore.Blob> blob = store.find(new Digest(hex));
    byte[] bytes = blob.isPresent() ? Files.readAllBytes(blob.get().file()) : new byte[0];
    return switch (way) {
      case WELL -> null;
      case NOT_FOUND -> HttpResponse.notFound();
      case EXPIRED -> HttpResponse.status(HttpStatus.FORBIDDEN);
      case RANGE_REFUSED -> HttpResponse.status(HttpStatus.REQUESTED_RANGE_NOT_SATISFIABLE);
      case TRUNCATED -> body(new Cut(bytes), bytes.length);
      case WRONG -> body(new ByteArrayInputStream(flipped(bytes)), bytes.length);
      case SLOW -> body(new Drip(new ByteArrayInputStream(bytes)), bytes.length);
      case NO_RANGES -> body(new ByteArrayInputStream(bytes), bytes.length);
      case ENDLESS_SILENCE -> body(new Silence(), bytes.length);
    };
  }

  private static HttpResponse<?> body(InputStream content, int length) {
    return HttpResponse.ok(new StreamedFile(content, MediaType.APPLICATION_OCTET_STREAM_TYPE))
        .header(HttpHeaders.CONTENT_LENGTH, Integer.toString(length));
  }

  private static byte[] flipped(byte[] bytes) {
    byte[] other = bytes.clone();
    other[other.length / 2] ^= 1;
    return other;
  }

  private static final class Cut extends InputStream {
    private final InputStream half;

    Cut(byte[] bytes) {
      half = new ByteArrayInputStream(Arrays.copyOf(bytes, bytes.length / 2));
    }

    @Override
    public int read() throws IOException {
      int next = half.read();
      if (next < 0) {
        throw new IOException("cut here");
      }
      return next;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      int read = half.read(buffer, offset, length);
      if (read < 0) {
        throw new IOException("cut here");
      }
      return read;
    }
  }

  private static final class Drip extends FilterInputStream {
    Drip(InputStream all) {
      super(all);
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      pause(100);
      return super.read(buffer, offset, Math.min(length, SLOW_BYTES_PER_SECOND / 10));
    }
  }

  private static final class Silence extends InputStream {
    @Override
    public int read() throws IOException {
      pause(600_000);
      return -1;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      return read();
    }
  }

  private static void pause(long millis) throws IOException {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }
}
