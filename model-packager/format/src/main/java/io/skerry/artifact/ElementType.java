package io.skerry.artifact;

import java.nio.ByteBuffer;

/**
 * Element types of tensors; names are those of the Open Inference Protocol. Elements are
 * little-endian.
 */
public enum ElementType {
  BOOL(1),
  UINT8(1),
  INT8(1),
  UINT16(2),
  INT16(2),
  UINT32(4),
  INT32(4),
  UINT64(8),
  INT64(8),
  FP16(2),
  BF16(2),
  FP32(4),
  FP64(8),
  /** Strings of any length, each written as a 32-bit length and its bytes. */
  BYTES(0);

  private final int bytes;

  ElementType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes of one element; 0 when it varies. */
  public int bytes() {
    return bytes;
  }

  /**
   * The element at this place as a number; 64-bit integers are rounded.
   *
   * @param data little-endian
   * @param at its byte, from the buffer's begin
   * @throws IllegalStateException for {@link #BYTES}
   */
  public double number(ByteBuffer data, int at) {
    return switch (this) {
      case BOOL, UINT8 -> Byte.toUnsignedInt(data.get(at));
      case INT8 -> data.get(at);
      case UINT16 -> Short.toUnsignedInt(data.getShort(at));
      case INT16 -> data.getShort(at);
      case UINT32 -> Integer.toUnsignedLong(data.getInt(at));
      case INT32 -> data.getInt(at);
      case UINT64 -> unsigned(data.getLong(at));
      case INT64 -> data.getLong(at);
      case FP16 -> Float.float16ToFloat(data.getShort(at));
      case BF16 -> Float.intBitsToFloat(data.getShort(at) << 16);
      case FP32 -> data.getFloat(at);
      case FP64 -> data.getDouble(at);
      case BYTES -> throw new IllegalStateException("strings are no numbers");
    };
  }

  private static double unsigned(long bits) {
    return bits >= 0 ? bits : ((bits >>> 1) | (bits & 1)) * 2.0;
  }
}
