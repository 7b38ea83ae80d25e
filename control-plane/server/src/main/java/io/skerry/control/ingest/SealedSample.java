package io.skerry.control.ingest;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.protocol.TenantId;
import io.skerry.wire.fleet.v1.Sample;
import jakarta.inject.Singleton;
import java.io.ByteArrayOutputStream;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/** Seals samples, deflated, and opens them. */
@Singleton
final class SealedSample {
  static final int SAMPLE_BYTES_MAX = 64 << 20;
  private static final String PURPOSE = "sample";

  private final Seals seals;

  SealedSample(Seals seals) {
    this.seals = seals;
  }

  /** What names a sample. */
  record Name(TenantId tenant, String device, long bootEpoch, long sequence) {
    private String text() {
      return "%s/%s/%d/%d".formatted(tenant, device, bootEpoch, sequence);
    }
  }

  byte[] seal(Name name, Sample sample) {
    return seals.seal(name.tenant(), PURPOSE, name.text(), deflated(sample.toByteArray()));
  }

  /**
   * Opens a sealed sample.
   *
   * @throws IllegalStateException if the key is another one, or the bytes were changed or belong to
   *     another sample
   */
  Sample open(Name name, byte[] sealed) {
    try {
      return Sample.parseFrom(inflated(seals.open(name.tenant(), PURPOSE, name.text(), sealed)));
    } catch (InvalidProtocolBufferException | DataFormatException e) {
      throw new IllegalStateException("sample %s is damaged".formatted(name.text()), e);
    }
  }

  private static byte[] deflated(byte[] plain) {
    Deflater deflater = new Deflater(Deflater.BEST_SPEED);
    try {
      deflater.setInput(plain);
      deflater.finish();
      ByteArrayOutputStream out = new ByteArrayOutputStream(plain.length / 2 + 64);
      byte[] buffer = new byte[8192];
      while (!deflater.finished()) {
        out.write(buffer, 0, deflater.deflate(buffer));
      }
      return out.toByteArray();
    } finally {
      deflater.end();
    }
  }

  private static byte[] inflated(byte[] deflated) throws DataFormatException {
    Inflater inflater = new Inflater();
    try {
      inflater.setInput(deflated);
      ByteArrayOutputStream out = new ByteArrayOutputStream(4 * deflated.length + 64);
      byte[] buffer = new byte[8192];
      while (!inflater.finished()) {
        int read = inflater.inflate(buffer);
        if (read == 0 && !inflater.finished()) {
          throw new DataFormatException("the end is missing");
        }
        if (out.size() + read > SAMPLE_BYTES_MAX) {
          throw new DataFormatException("more than %d bytes".formatted(SAMPLE_BYTES_MAX));
        }
        out.write(buffer, 0, read);
      }
      return out.toByteArray();
    } finally {
      inflater.end();
    }
  }
}
