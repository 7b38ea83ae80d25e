package io.skerry.packager.graph;

import com.google.protobuf.ByteString;
import io.skerry.artifact.onnx.OutsideWeight;
import io.skerry.artifact.onnx.WeightsRefusedException;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.StringStringEntryProto;
import io.skerry.wire.onnx.TensorProto;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;

/**
 * Weights that a model keeps in files beside its own: those that {@link OutsideWeight} allows, and
 * no more bytes than a model may have.
 */
final class ExternalData {
  private final Path folder;
  private final long bytesMax;
  private long bytes;

  /**
   * Data beside a model.
   *
   * @param bytesMax of all weights together
   */
  ExternalData(Path folder, long bytesMax) {
    this.folder = folder;
    this.bytesMax = bytesMax;
  }

  static boolean isExternal(TensorProto tensor) {
    return tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL
        || tensor.getExternalDataCount() > 0;
  }

  /**
   * The same model with all its weights in it.
   *
   * @throws ModelRefusedException if a weight lies outside the folder, or not where it should
   */
  ModelProto inlined(ModelProto model) throws IOException {
    if (model.getGraph().getInitializerList().stream().noneMatch(ExternalData::isExternal)) {
      return model;
    }
    GraphProto.Builder graph = model.getGraph().toBuilder();
    for (int i = 0; i < graph.getInitializerCount(); i++) {
      if (isExternal(graph.getInitializer(i))) {
        graph.setInitializer(i, inlined(model.getGraph(), graph.getInitializer(i)));
      }
    }
    return model.toBuilder().setGraph(graph).build();
  }

  private TensorProto inlined(GraphProto graph, TensorProto tensor) throws IOException {
    Map<String, String> entries = new HashMap<>();
    for (StringStringEntryProto entry : tensor.getExternalDataList()) {
      entries.put(entry.getKey(), entry.getValue());
    }
    try {
      return inlined(tensor, OutsideWeight.of(tensor.getName(), entries));
    } catch (WeightsRefusedException e) {
      throw OnnxImport.readBy(
          graph, tensor.getName(), new ModelRefusedException(String.valueOf(e.getMessage()), e));
    }
  }

  private TensorProto inlined(TensorProto tensor, OutsideWeight weight)
      throws IOException, WeightsRefusedException {
    Path file = weight.file(folder);
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      long length = weight.lengthIn(channel.size());
      bytes += length;
      if (bytes > bytesMax) {
        throw new ModelRefusedException(
            "its weights have more than %d bytes, which is the limit: prune the model"
                .formatted(bytesMax));
      }
      ByteBuffer content = ByteBuffer.allocate(Math.toIntExact(length));
      while (content.hasRemaining()) {
        if (channel.read(content, weight.offset() + content.position()) < 0) {
          throw new EOFException(file + " became shorter while it was read");
        }
      }
      return tensor.toBuilder()
          .clearExternalData()
          .clearDataLocation()
          .setRawData(ByteString.copyFrom(content.flip()))
          .build();
    }
  }
}
