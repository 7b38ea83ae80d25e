package io.skerry.packager.data;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.zip.CRC32;

/**
 * The chunks of a PNG file: ImageIO decodes as many as there are and says nothing of those that
 * lack.
 *
 * <pre>
 * signature   8 bytes
 * chunk       length (4, of the data), type (4), data, CRC-32 of type and data (4)
 * ...         the last one is of type IEND
 * </pre>
 *
 * @see <a href="https://www.w3.org/TR/png-3/#5DataRep">PNG, datastream structure</a>
 */
final class PngChunks {
  private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  private static final int TYPE_BYTES = 4;
  private static final int FRAME_BYTES = 12;
  private static final int IEND = 0x49454e44;

  /** Set in types of chunks that a picture can do without. */
  private static final int ANCILLARY = 0x20000000;

  private PngChunks() {}

  static boolean isPng(byte[] content) {
    return content.length >= SIGNATURE.length
        && Arrays.equals(content, 0, SIGNATURE.length, SIGNATURE, 0, SIGNATURE.length);
  }

  /** Whether all chunks up to the last are there, those that hold the picture unchanged. */
  static boolean areWhole(byte[] content) {
    ByteBuffer file = ByteBuffer.wrap(content);
    int at = SIGNATURE.length;
    while (content.length - at >= FRAME_BYTES) {
      int length = file.getInt(at);
      int type = file.getInt(at + Integer.BYTES);
      if (length < 0 || length > content.length - at - FRAME_BYTES) {
        return false;
      }
      CRC32 sum = new CRC32();
      sum.update(content, at + Integer.BYTES, TYPE_BYTES + length);
      int end = at + FRAME_BYTES + length;
      if ((type & ANCILLARY) == 0 && (int) sum.getValue() != file.getInt(end - Integer.BYTES)) {
        return false;
      }
      if (type == IEND) {
        return true;
      }
      at = end;
    }
    return false;
  }
}
