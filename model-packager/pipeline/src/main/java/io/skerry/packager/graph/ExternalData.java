package io.skerry.packager.graph;

import com.google.protobuf.ByteString;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.StringStringEntryProto;
import io.skerry.wire.onnx.TensorProto;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * Weights that a model keeps in files beside its own. A file's name comes from the model, which may
 * come from anywhere: only regular files in the model's folder or below are read, no link is
 * followed, and no more bytes than a model may have.
 */
final class ExternalData {
  private static final Set<String> KEYS = Set.of("location", "offset", "length", "checksum");

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
        graph.setInitializer(i, inlined(graph.getInitializer(i)));
      }
    }
    return model.toBuilder().setGraph(graph).build();
  }

  private TensorProto inlined(TensorProto tensor) throws IOException {
    Map<String, String> entries = new HashMap<>();
    for (StringStringEntryProto entry : tensor.getExternalDataList()) {
      if (!KEYS.contains(entry.getKey())) {
        throw refused(tensor, "has the unknown key '%s'".formatted(entry.getKey()));
      }
      entries.put(entry.getKey(), entry.getValue());
    }
    Path file = file(tensor, entries.getOrDefault("location", ""));
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      long offset = number(tensor, entries, "offset", 0);
      long length = number(tensor, entries, "length", Math.max(0, channel.size() - offset));
      if (offset > channel.size() || length > channel.size() - offset) {
        throw refused(
            tensor,
            "is said to be bytes %d to %d of '%s', which has %d"
                .formatted(offset, offset + length, file.getFileName(), channel.size()));
      }
      bytes += length;
      if (bytes > bytesMax) {
        throw new ModelRefusedException(
            "its weights have more than %d bytes, which is the limit: prune the model"
                .formatted(bytesMax));
      }
      ByteBuffer content = ByteBuffer.allocate(Math.toIntExact(length));
      while (content.hasRemaining()) {
        if (channel.read(content, offset + content.position()) < 0) {
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

  private Path file(TensorProto tensor, String location) throws IOException {
    Path relative;
    try {
      relative = Path.of(location);
    } catch (InvalidPathException e) {
      throw refused(tensor, "names no file: '%s'".formatted(location));
    }
    Path file = folder.resolve(relative).normalize();
    boolean outside =
        location.isEmpty()
            || relative.isAbsolute()
            || file.equals(folder.normalize())
            || !file.startsWith(folder.normalize());
    if (outside) {
      throw refused(tensor, "lies at '%s', outside the model's folder".formatted(location));
    }
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
        || !file.toRealPath().startsWith(folder.toRealPath())) {
      throw refused(
          tensor, "lies in '%s', which is no regular file beside the model".formatted(location));
    }
    return file;
  }

  private static long number(
      TensorProto tensor, Map<String, String> entries, String key, long absent) {
    String text = entries.get(key);
    if (text == null) {
      return absent;
    }
    if (!text.matches("[0-9]{1,18}")) {
      throw refused(tensor, "has the %s '%s'".formatted(key, text));
    }
    return Long.parseLong(text);
  }

  private static ModelRefusedException refused(TensorProto tensor, String fault) {
    return new ModelRefusedException(
        "constant '%s' %s: save the model as one file, or put its weights beside it"
            .formatted(tensor.getName(), fault));
  }
}
