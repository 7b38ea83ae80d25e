package io.skerry.agent.serve;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.ExtensionRegistryLite;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
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
 * Reads a message out of buffers outside the heap, so that its tensors come into the heap once: out
 * of the transport's own, or of those that a compressed one is unpacked into. From a stream
 * protobuf gathers them in pieces first and then puts the pieces together: twice the message at a
 * time, in a heap that is small. Before anything of a message is made, what it will take has to
 * have room.
 */
final class MessageReader {
  private static final int PIECE_BYTES = 4 << 10;
  private static final int PIECE_BYTES_MAX = 256 << 10;
  private static final int READ_BYTES = 4 << 10;

  private MessageReader() {}

  /** Takes room for what a message will have of the heap beyond its bytes. */
  @FunctionalInterface
  interface Room {
    /**
     * Takes it.
     *
     * @throws StatusRuntimeException if there is none now
     */
    void take(long bytes);
  }

  /** Whether it can be read here. */
  static boolean reads(InputStream stream) throws IOException {
    return isPacked(stream)
        || (stream instanceof HasByteBuffer buffers
            && buffers.byteBufferSupported()
            && stream.markSupported()
            && stream.available() > 0);
  }

  /**
   * Reads a message of the prototype's type.
   *
   * @throws StatusRuntimeException if its bytes are no message, as from a marshaller
   */
  static Message read(Message prototype, InputStream stream, Room room) throws IOException {
    if (isPacked(stream)) {
      return unpack(prototype, stream, room);
    }
    return parse(prototype, buffers(stream), room);
  }

  // gRPC knows the length of what is not compressed.
  private static boolean isPacked(InputStream stream) {
    return !(stream instanceof KnownLength);
  }

  private static Message unpack(Message prototype, InputStream stream, Room room)
      throws IOException {
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
          prototype,
          pieces.stream().filter(ByteBuf::isReadable).map(ByteBuf::nioBuffer).toList(),
          room);
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

  private static Message parse(Message prototype, List<ByteBuffer> buffers, Room room)
      throws IOException {
    try {
      room.take(MessageWeight.of(prototype.getDescriptorForType(), bytes(buffers)));
      CodedInputStream in = bytes(buffers);
      Message message =
          prototype.getParserForType().parseFrom(in, ExtensionRegistryLite.getEmptyRegistry());
      in.checkLastTagWas(0);
      return message;
    } catch (InvalidProtocolBufferException e) {
      throw unreadable(e);
    }
  }

  private static CodedInputStream bytes(List<ByteBuffer> buffers) {
    return buffers.size() == 1
        ? CodedInputStream.newInstance(buffers.getFirst().duplicate())
        : CodedInputStream.newInstance(buffers.stream().map(ByteBuffer::duplicate).toList());
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
