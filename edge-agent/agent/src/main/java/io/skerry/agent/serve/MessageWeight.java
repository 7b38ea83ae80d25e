package io.skerry.agent.serve;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor.JavaType;
import com.google.protobuf.WireFormat;
import java.io.IOException;

/**
 * What a message will take of the heap beyond its bytes. Two bytes can be a whole object: a request
 * of 3 MB that lists nothing but empty inputs becomes 90 MB.
 */
final class MessageWeight {
  // As protobuf and the JDK lay them out, rounded up.
  private static final int MESSAGE_BYTES = 64;
  private static final int ENTRY_BYTES = 160;
  private static final int TEXT_BYTES = 56;
  private static final int UNKNOWN_BYTES = 160;

  private MessageWeight() {}

  /**
   * Reads over a message.
   *
   * @param in its bytes, up to the end or a limit
   * @return bytes of heap
   * @throws com.google.protobuf.InvalidProtocolBufferException if it is none of the type
   */
  static long of(Descriptor type, CodedInputStream in) throws IOException {
    long bytes = 0;
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      FieldDescriptor field = type.findFieldByNumber(WireFormat.getTagFieldNumber(tag));
      boolean isLong = WireFormat.getTagWireType(tag) == WireFormat.WIRETYPE_LENGTH_DELIMITED;
      if (field != null && isLong) {
        bytes += ofLong(field, in);
      } else {
        // A number alone takes less than its tag and itself, or is one of a list.
        bytes += field == null ? UNKNOWN_BYTES : width(field);
        in.skipField(tag);
      }
    }
    return bytes;
  }

  private static long ofLong(FieldDescriptor field, CodedInputStream in) throws IOException {
    int length = in.readRawVarint32();
    if (field.getJavaType() == JavaType.STRING || field.getJavaType() == JavaType.BYTE_STRING) {
      in.skipRawBytes(length);
      return TEXT_BYTES;
    }
    int outer = in.pushLimit(length);
    long bytes;
    if (field.getJavaType() == JavaType.MESSAGE) {
      bytes = field.isMapField() ? ENTRY_BYTES : MESSAGE_BYTES;
      bytes += of(field.getMessageType(), in);
    } else {
      bytes = ofNumbers(field, length, in);
    }
    in.popLimit(outer);
    return bytes;
  }

  /** Of numbers one after the other: large types in few bytes each become as many larger ones. */
  private static long ofNumbers(FieldDescriptor field, int length, CodedInputStream in)
      throws IOException {
    if (isFixed(field)) {
      in.skipRawBytes(length);
      return 0;
    }
    long count = 0;
    while (!in.isAtEnd()) {
      in.readRawVarint64();
      count++;
    }
    return Math.max(0, count * width(field) - length);
  }

  private static boolean isFixed(FieldDescriptor field) {
    return switch (field.getLiteType().getWireType()) {
      case WireFormat.WIRETYPE_FIXED32, WireFormat.WIRETYPE_FIXED64 -> true;
      default -> false;
    };
  }

  private static int width(FieldDescriptor field) {
    return switch (field.getJavaType()) {
      case LONG, DOUBLE -> Long.BYTES;
      case BOOLEAN -> 1;
      default -> Integer.BYTES;
    };
  }
}
