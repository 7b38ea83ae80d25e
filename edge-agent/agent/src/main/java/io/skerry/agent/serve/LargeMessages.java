package io.skerry.agent.serve;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.ExtensionRegistryLite;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import io.grpc.HasByteBuffer;
import io.grpc.KnownLength;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.netty.buffer.ByteBuf;
import io.grpc.netty.shaded.io.netty.buffer.PooledByteBufAllocator;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.ZipException;

/**
 * Reads a message out of buffers outside the heap, so that its tensors come into the heap once: a
 * large one out of the transport's own, a compressed one out of those that it is unpacked into.
 * From a stream protobuf gathers them in pieces first and then puts the pieces together: twice the
 * message at a time, in a heap that is small.
 */
final class LargeMessages {
  private static final int BYTES_MIN = 1 << 20;
  private static final int PIECE_BYTES = 4 << 10;
  private static final int PIECE_BYTES_MAX = 256 << 10;
  private static final int READ_BYTES = 4 << 10;

  private LargeMessages() {}

  /** Whether this is the better way to read it. */
  static boolean has(InputStream stream) throws IOException {
    return isPacked(stream)
        || (stream instanceof HasByteBuffer buffers
            && buffers.byteBufferSupported()
            && stream.markSupported()
            && stream.available() >= BYTES_MIN);
  }

  /**
   * Reads a message of the prototype's type.
   *
   * @throws io.grpc.StatusRuntimeException if its bytes are no message, as from a marshaller
   */
  static MessageLite read(MessageLite prototype, InputStream stream) throws IOException {
    if (isPacked(stream)) {
      return unpack(prototype, stream);
    }
    return parse(prototype, buffers(stream));
  }

  // gRPC knows the length of what is not compressed.
  private static boolean isPacked(InputStream stream) {
    return !(stream instanceof KnownLength);
  }

  private static MessageLite unpack(MessageLite prototype, InputStream stream) throws IOException {
    List<ByteBuf> pieces = new ArrayList<>();
    // Left to itself, Netty would read through a pool in the heap, which keeps 4 MiB.
    byte[] read = new byte[READ_BYTES];
    try {
      int size = PIECE_BYTES;
      ByteBuf piece;
      do {
        piece = PooledByteBufAllocator.DEFAULT.directBuffer(size, size);
        pieces.add(piece);
        fill(piece, stream, read);
        size = Math.min(2 * size, PIECE_BYTES_MAX);
      } while (!piece.isWritable());
      // None that is empty: protobuf would read on behind it.
      return parse(
          prototype, pieces.stream().filter(ByteBuf::isReadable).map(ByteBuf::nioBuffer).toList());
    } catch (ZipException | EOFException e) {
      throw unreadable(new InvalidProtocolBufferException(e));
    } finally {
      pieces.forEach(ByteBuf::release);
    }
  }

  /** Fills a buffer, but for what a stream that ends leaves of it. */
  private static void fill(ByteBuf piece, InputStream stream, byte[] read) throws IOException {
    while (piece.isWritable()) {
      int count = stream.read(read, 0, Math.min(read.length, piece.writableBytes()));
      if (count < 0) {
        return;
      }
      piece.writeBytes(read, 0, count);
    }
  }

  private static MessageLite parse(MessageLite prototype, List<ByteBuffer> buffers)
      throws IOException {
    CodedInputStream in = CodedInputStream.newInstance(buffers);
    try {
      MessageLite message =
          prototype.getParserForType().parseFrom(in, ExtensionRegistryLite.getEmptyRegistry());
      in.checkLastTagWas(0);
      return message;
    } catch (InvalidProtocolBufferException e) {
      throw unreadable(e);
    }
  }

  private static StatusRuntimeException unreadable(InvalidProtocolBufferException cause) {
    return Status.INTERNAL
        .withDescription("Invalid protobuf byte sequence")
        .withCause(cause)
        .asRuntimeException();
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
