package io.skerry.agent.uplink;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * One record in a spool segment, big-endian.
 *
 * <pre>
 * 0   4  marker 0x534B5231 ("SKR1")
 * 4   4  length of the payload
 * 8   8  sequence
 * 16  n  payload: an encoded skerry.fleet.v1.Record
 * +n  4  CRC32C of bytes 4 to 16 + n
 * </pre>
 *
 * <p>The marker is there to find the next record behind a damaged one.
 */
final class SpoolFrame {
  static final int OVERHEAD_BYTES = 20;

  private static final int MARKER = 0x534B5231;
  private static final int HEADER_BYTES = 16;

  private SpoolFrame() {}

  /** A whole record and where it stands. */
  record Found(long sequence, int offset, int payloadBytes) {
    byte[] payload(byte[] segment) {
      byte[] payload = new byte[payloadBytes];
      System.arraycopy(segment, offset + HEADER_BYTES, payload, 0, payloadBytes);
      return payload;
    }

    int end() {
      return offset + payloadBytes + OVERHEAD_BYTES;
    }
  }

  /**
   * What a segment holds.
   *
   * @param damaged stretches of bytes between whole records that are none
   */
  record Scan(List<Found> records, int damaged) {}

  static ByteBuffer encode(long sequence, byte[] payload) {
    ByteBuffer frame = ByteBuffer.allocate(payload.length + OVERHEAD_BYTES);
    frame.putInt(MARKER).putInt(payload.length).putLong(sequence).put(payload);
    frame.putInt(checksum(frame.array(), 0, payload.length));
    return frame.flip();
  }

  static Scan scan(byte[] segment, int length) {
    List<Found> records = new ArrayList<>();
    ByteBuffer bytes = ByteBuffer.wrap(segment, 0, length);
    int damaged = 0;
    boolean inDamage = false;
    int position = 0;
    while (position < length) {
      Optional<Found> found = at(segment, bytes, position);
      if (found.isEmpty()) {
        damaged += inDamage ? 0 : 1;
        inDamage = true;
        position++;
      } else {
        records.add(found.get());
        inDamage = false;
        position = found.get().end();
      }
    }
    return new Scan(records, damaged);
  }

  private static Optional<Found> at(byte[] segment, ByteBuffer bytes, int position) {
    int rest = bytes.limit() - position;
    if (rest < OVERHEAD_BYTES || bytes.getInt(position) != MARKER) {
      return Optional.empty();
    }
    int payload = bytes.getInt(position + 4);
    if (payload < 0 || payload > rest - OVERHEAD_BYTES) {
      return Optional.empty();
    }
    int stored = bytes.getInt(position + HEADER_BYTES + payload);
    return stored == checksum(segment, position, payload)
        ? Optional.of(new Found(bytes.getLong(position + 8), position, payload))
        : Optional.empty();
  }

  private static int checksum(byte[] bytes, int frame, int payload) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, frame + 4, HEADER_BYTES - 4 + payload);
    return (int) crc.getValue();
  }
}
