package io.skerry.agent.serve;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.ExtensionRegistryLite;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import io.grpc.HasByteBuffer;
import io.grpc.Status;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads a large message out of the transport's own buffers, so that its tensors come into the heap
 * once. From a stream protobuf gathers them in pieces first and then puts the pieces together:
 * twice the message at a time, in a heap that is small.
 */
final class LargeMessages {
  private static final int BYTES_MIN = 1 << 20;

  private LargeMessages() {}

  /** Whether this is the better way to read it. */
  static boolean has(InputStream stream) throws IOException {
    return stream instanceof HasByteBuffer buffers
        && buffers.byteBufferSupported()
        && stream.markSupported()
        && stream.available() >= BYTES_MIN;
  }

  /**
   * Reads a message of the prototype's type.
   *
   * @throws io.grpc.StatusRuntimeException if its bytes are no message, as from a marshaller
   */
  static MessageLite read(MessageLite prototype, InputStream stream) throws IOException {
    CodedInputStream in = CodedInputStream.newInstance(buffers(stream));
    try {
      MessageLite message =
          prototype.getParserForType().parseFrom(in, ExtensionRegistryLite.getEmptyRegistry());
      in.checkLastTagWas(0);
      return message;
    } catch (InvalidProtocolBufferException e) {
      throw Status.INTERNAL
          .withDescription("Invalid protobuf byte sequence")
          .withCause(e)
          .asRuntimeException();
    }
  }

  private static List<ByteBuffer> buffers(InputStream stream) throws IOException {
    List<ByteBuffer> buffers = new ArrayList<>();
    // With a mark the transport keeps what is stepped over until the stream is closed.
    stream.mark(stream.available());
    while (stream.available() > 0) {
      ByteBuffer part = ((HasByteBuffer) stream).getByteBuffer();
      if (part == null || stream.skip(part.remaining()) <= 0) {
        throw new IOException("the transport's buffers ended early");
      }
      buffers.add(part);
    }
    return buffers;
  }
}
