package io.skerry.runtime.tflite;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Reads flatbuffers whose offsets nobody has checked:
 *
 * <pre>
 *  file    u32 offset of the root table, ...
 *  table   i32 (table - vtable), fields
 *  vtable  u16 its bytes, u16 the table's bytes, u16 for each field: its place in the table, or 0
 *  vector  u32 elements, elements
 * </pre>
 *
 * Offsets to tables and vectors count from where they stand. All is little-endian. What points
 * outside the file throws {@link IndexOutOfBoundsException}.
 */
final class FlatFile {
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt I32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong I64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int VTABLE_HEAD = 4;

  private final MemorySegment content;

  FlatFile(MemorySegment content) {
    this.content = content;
  }

  long size() {
    return content.byteSize();
  }

  Table root() {
    return new Table(target(0));
  }

  private long target(long place) {
    return place + Integer.toUnsignedLong(content.get(I32, place));
  }

  /** One table; fields that are not in it read as 0 or empty. */
  final class Table {
    private final long place;
    private final long vtable;
    private final int vtableBytes;

    private Table(long place) {
      this.place = place;
      this.vtable = place - content.get(I32, place);
      this.vtableBytes = Short.toUnsignedInt(content.get(U16, vtable));
    }

    /** The place of a field, 0 where the table has none. */
    private long field(int number) {
      int entry = VTABLE_HEAD + number * Short.BYTES;
      if (entry + Short.BYTES > vtableBytes) {
        return 0;
      }
      int offset = Short.toUnsignedInt(content.get(U16, vtable + entry));
      return offset == 0 ? 0 : place + offset;
    }

    int unsigned8(int number) {
      long field = field(number);
      return field == 0 ? 0 : Byte.toUnsignedInt(content.get(ValueLayout.JAVA_BYTE, field));
    }

    int signed32(int number) {
      long field = field(number);
      return field == 0 ? 0 : content.get(I32, field);
    }

    long unsigned32(int number) {
      return Integer.toUnsignedLong(signed32(number));
    }

    long number64(int number) {
      long field = field(number);
      return field == 0 ? 0 : content.get(I64, field);
    }

    /** The table in a field; one that is not there is outside the file. */
    Table table(int number) {
      long field = field(number);
      if (field == 0) {
        throw new IndexOutOfBoundsException("no table in field " + number);
      }
      return new Table(target(field));
    }

    Vector vector(int number, int elementBytes) {
      long field = field(number);
      if (field == 0) {
        return new Vector(0, 0);
      }
      long vector = target(field);
      long length = Integer.toUnsignedLong(content.get(I32, vector));
      // All of it lies in the file, or none of it is read.
      content.asSlice(vector + Integer.BYTES, length * elementBytes);
      return new Vector(vector + Integer.BYTES, length);
    }
  }

  /** Elements one after the other; numbers of 32 bits or offsets of tables. */
  final class Vector {
    private final long place;
    private final long length;

    private Vector(long place, long length) {
      this.place = place;
      this.length = length;
    }

    long length() {
      return length;
    }

    int number(long index) {
      return content.get(I32, place + index * Integer.BYTES);
    }

    Table table(long index) {
      return new Table(target(place + index * Integer.BYTES));
    }
  }
}
