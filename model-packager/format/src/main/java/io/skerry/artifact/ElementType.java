package io.skerry.artifact;

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
}
