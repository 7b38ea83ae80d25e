package io.skerry.artifact.onnx;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.StringStringEntryProto;
import io.skerry.wire.onnx.TensorProto;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Finds the files that an ONNX model keeps weights in. Weights inside the model are skipped, so
 * that a large file costs no memory.
 */
public final class OutsideWeights {
  /** What a control plane takes of a model and the files of its weights together. */
  public static final long UPLOAD_BYTES_MAX = 240L << 20;

  /** Constants outside the file that are read. */
  public static final int CONSTANTS_MAX = 10_000;

  private static final int TEXT_BYTES_MAX = 4096;
  private static final int ENTRIES_MAX = 16;
  private static final int GRAPH =
      tag(ModelProto.GRAPH_FIELD_NUMBER, WireFormat.WIRETYPE_LENGTH_DELIMITED);
  private static final int INITIALIZER =
      tag(GraphProto.INITIALIZER_FIELD_NUMBER, WireFormat.WIRETYPE_LENGTH_DELIMITED);
  private static final int NAME =
      tag(TensorProto.NAME_FIELD_NUMBER, WireFormat.WIRETYPE_LENGTH_DELIMITED);
  private static final int EXTERNAL_DATA =
      tag(TensorProto.EXTERNAL_DATA_FIELD_NUMBER, WireFormat.WIRETYPE_LENGTH_DELIMITED);
  private static final int DATA_LOCATION =
      tag(TensorProto.DATA_LOCATION_FIELD_NUMBER, WireFormat.WIRETYPE_VARINT);
  private static final int KEY =
      tag(StringStringEntryProto.KEY_FIELD_NUMBER, WireFormat.WIRETYPE_LENGTH_DELIMITED);
  private static final int VALUE =
      tag(StringStringEntryProto.VALUE_FIELD_NUMBER, WireFormat.WIRETYPE_LENGTH_DELIMITED);

  private OutsideWeights() {}

  /**
   * The files that a model keeps weights in, by their path within its folder, each checked to be
   * there and long enough; none when all weights are in the model.
   *
   * @param bytesMax of the model and these files together
   * @throws WeightsRefusedException if the model is none, names a file that it must not, or all
   *     together are too large; it names the first node that reads the constant
   */
  public static SortedMap<Path, Path> files(Path model, long bytesMax)
      throws IOException, WeightsRefusedException {
    try {
      return checked(model, bytesMax);
    } catch (WeightsRefusedException e) {
      Optional<String> reader =
          e.constant().isEmpty() ? Optional.empty() : ConstantReader.in(model, e.constant().get());
      throw reader.isEmpty() ? e : e.readBy(reader.get());
    }
  }

  private static SortedMap<Path, Path> checked(Path model, long bytesMax)
      throws IOException, WeightsRefusedException {
    Path folder = model.toAbsolutePath().resolveSibling("");
    SortedMap<Path, Path> files = new TreeMap<>();
    long bytes = Files.size(model);
    for (OutsideWeight weight : named(model)) {
      Path file = weight.file(folder);
      weight.lengthIn(Files.size(file));
      if (files.put(weight.within(), file) == null) {
        bytes += Files.size(file);
      }
    }
    if (!files.isEmpty() && bytes > bytesMax) {
      throw new WeightsRefusedException(
          "the model and its %d weight files have %d MiB together, the limit is %d: prune the model"
              .formatted(files.size(), bytes >> 20, bytesMax >> 20));
    }
    return files;
  }

  /**
   * All constants of a model's graph that lie outside its file, in the file's order.
   *
   * @throws WeightsRefusedException if the file is no ONNX model, or names too many
   */
  public static List<OutsideWeight> named(Path model) throws IOException, WeightsRefusedException {
    List<OutsideWeight> found = new ArrayList<>();
    try (InputStream stream = Files.newInputStream(model)) {
      CodedInputStream in = CodedInputStream.newInstance(stream);
      for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
        if (tag == GRAPH) {
          graph(in, found);
        } else {
          in.skipField(tag);
        }
      }
    } catch (InvalidProtocolBufferException e) {
      throw new WeightsRefusedException(
          "this is no ONNX model, or it is damaged: export it again", e);
    }
    return found;
  }

  private static void graph(CodedInputStream in, List<OutsideWeight> found)
      throws IOException, WeightsRefusedException {
    int outer = in.pushLimit(in.readRawVarint32());
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (tag == INITIALIZER) {
        constant(in, found);
      } else {
        in.skipField(tag);
      }
    }
    in.popLimit(outer);
  }

  private static void constant(CodedInputStream in, List<OutsideWeight> found)
      throws IOException, WeightsRefusedException {
    int outer = in.pushLimit(in.readRawVarint32());
    String name = "";
    boolean outside = false;
    Map<String, String> entries = new HashMap<>();
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (tag == NAME) {
        name = text(in);
      } else if (tag == EXTERNAL_DATA) {
        outside = true;
        entry(in, entries);
      } else if (tag == DATA_LOCATION) {
        outside |= in.readEnum() == TensorProto.DataLocation.EXTERNAL_VALUE;
      } else {
        in.skipField(tag);
      }
    }
    in.popLimit(outer);
    if (!outside) {
      return;
    }
    if (found.size() == CONSTANTS_MAX) {
      throw new WeightsRefusedException(
          "more than %d constants lie outside the model: save it as one file"
              .formatted(CONSTANTS_MAX));
    }
    found.add(OutsideWeight.of(name, entries));
  }

  private static void entry(CodedInputStream in, Map<String, String> entries)
      throws IOException, WeightsRefusedException {
    int outer = in.pushLimit(in.readRawVarint32());
    String key = "";
    String value = "";
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (tag == KEY) {
        key = text(in);
      } else if (tag == VALUE) {
        value = text(in);
      } else {
        in.skipField(tag);
      }
    }
    in.popLimit(outer);
    entries.put(key, value);
    if (entries.size() > ENTRIES_MAX) {
      throw new WeightsRefusedException(
          "a constant says in more than %d entries where it lies: save the model as one file"
              .formatted(ENTRIES_MAX));
    }
  }

  private static String text(CodedInputStream in) throws IOException, WeightsRefusedException {
    int bytes = in.readRawVarint32();
    if (bytes < 0 || bytes > TEXT_BYTES_MAX) {
      throw tooLong();
    }
    return new String(in.readRawBytes(bytes), StandardCharsets.UTF_8);
  }

  private static WeightsRefusedException tooLong() {
    return new WeightsRefusedException(
        "a constant's name, or what the model says of where it lies, has more than %d bytes"
            .formatted(TEXT_BYTES_MAX));
  }

  private static int tag(int field, int wireType) {
    return field << 3 | wireType;
  }
}
