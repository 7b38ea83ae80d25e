package io.skerry.agent.uplink;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.zip.CRC32C;

/**
 * One record in a spool segment, big-endian.
 *
 * <pre>
 * 0   4  marker 0x534B5233 ("SKR3")
 * 4   4  length of the payload
 * 8   8  sequence
 * 16  4  CRC32C of bytes 0 to 16
 * 20  n  payload: an encoded skerry.fleet.v1.Record, sealed as {@link SpoolSeal} says
 * +n  4  CRC32C of bytes 0 to 20 + n
 * </pre>
 *
 * <p>The marker is there to find the next record behind a damaged one; the header's own checksum
 * tells a record that was not written to its end from one that was damaged later. An agent before
 * sealed nothing and wrote the marker 0x534B5232 ("SKR2"): what it left is still read.
 */
final class SpoolFrame {
  static final int OVERHEAD_BYTES = 24;

  private static final int MARKER = 0x534B5233;
  private static final int OPEN_MARKER = 0x534B5232;
  private static final int HEADER_BYTES = 20;
  private static final int CHECKSUM_AT = 16;

  private SpoolFrame() {}

  /** A whole record and where it stands. */
  record Found(long sequence, int offset, int payloadBytes, boolean sealed) {
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
   * @param damagedTail the sequence of the last record, when nothing whole follows its damage; 0
   *     when that too is unreadable
   */
  record Scan(List<Found> records, OptionalLong damagedTail) {}

  static ByteBuffer encode(long sequence, byte[] sealed) {
    ByteBuffer frame = ByteBuffer.allocate(sealed.length + OVERHEAD_BYTES);
    frame.putInt(MARKER).putInt(sealed.length).putLong(sequence);
    frame.putInt(checksum(frame.array(), 0, CHECKSUM_AT));
    frame.put(sealed);
    frame.putInt(checksum(frame.array(), 0, HEADER_BYTES + sealed.length));
    return frame.flip();
  }

  static Scan scan(byte[] segment, int length) {
    List<Found> records = new ArrayList<>();
    ByteBuffer bytes = ByteBuffer.wrap(segment, 0, length);
    OptionalLong damaged = OptionalLong.empty();
    int position = 0;
    while (position < length) {
      if (!isHeader(segment, bytes, position)) {
        // Fewer bytes than a header behind a whole record: it was not written to its end.
        if (damaged.isPresent() || length - position >= HEADER_BYTES) {
          damaged = OptionalLong.of(damaged.orElse(0));
        }
        position++;
        continue;
      }
      Found found =
          new Found(
              bytes.getLong(position + 8),
              position,
              bytes.getInt(position + 4),
              bytes.getInt(position) == MARKER);
      if (found.payloadBytes() > length - position - OVERHEAD_BYTES) {
        break;
      }
      if (isWhole(segment, bytes, found)) {
        records.add(found);
        damaged = OptionalLong.empty();
      } else {
        damaged = OptionalLong.of(found.sequence());
      }
      position = found.end();
    }
    return new Scan(records, damaged);
  }

  private static boolean isHeader(byte[] segment, ByteBuffer bytes, int position) {
    return bytes.limit() - position >= HEADER_BYTES
        && isMarker(bytes.getInt(position))
        && bytes.getInt(position + CHECKSUM_AT) == checksum(segment, position, CHECKSUM_AT)
        && bytes.getInt(position + 4) >= 0;
  }

  private static boolean isMarker(int word) {
    return word == MARKER || word == OPEN_MARKER;
  }

  private static boolean isWhole(byte[] segment, ByteBuffer bytes, Found found) {
    int covered = HEADER_BYTES + found.payloadBytes();
    return bytes.getInt(found.offset() + covered) == checksum(segment, found.offset(), covered);
  }

  private static int checksum(byte[] bytes, int from, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, length);
    return (int) crc.getValue();
  }
}
