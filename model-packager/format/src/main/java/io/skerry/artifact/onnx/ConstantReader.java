package io.skerry.artifact.onnx;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Finds which node of an ONNX model reads a constant, so that people know where to look. */
final class ConstantReader {
  private static final int TEXT_BYTES_MAX = 64 << 10;
  private static final int OUTPUTS_MAX = 16;
  private static final int GRAPH = text(ModelProto.GRAPH_FIELD_NUMBER);
  private static final int NODE = text(GraphProto.NODE_FIELD_NUMBER);
  private static final int INPUT = text(NodeProto.INPUT_FIELD_NUMBER);
  private static final int OUTPUT = text(NodeProto.OUTPUT_FIELD_NUMBER);
  private static final int NAME = text(NodeProto.NAME_FIELD_NUMBER);
  private static final int OPERATOR = text(NodeProto.OP_TYPE_FIELD_NUMBER);

  private final CodedInputStream in;
  private final String constant;

  private ConstantReader(CodedInputStream in, String constant) {
    this.in = in;
    this.constant = constant;
  }

  /**
   * The first node that reads a constant: {@code node '/stem/conv' (Conv)}; one without a name goes
   * by those of its outputs. Empty if none reads it, or the file is damaged before.
   */
  static Optional<String> in(Path model, String constant) throws IOException {
    try (InputStream stream = Files.newInputStream(model)) {
      return new ConstantReader(CodedInputStream.newInstance(stream), constant).model();
    } catch (InvalidProtocolBufferException e) {
      return Optional.empty();
    }
  }

  private interface Part {
    Optional<String> read() throws IOException;
  }

  private Optional<String> model() throws IOException {
    return first(GRAPH, () -> first(NODE, this::node));
  }

  // Of the parts in this field, what the first says that says something.
  private Optional<String> first(int field, Part part) throws IOException {
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (tag == field) {
        int outer = in.pushLimit(in.readRawVarint32());
        Optional<String> found = part.read();
        if (found.isPresent()) {
          return found;
        }
        in.popLimit(outer);
      } else {
        in.skipField(tag);
      }
    }
    return Optional.empty();
  }

  private Optional<String> node() throws IOException {
    String name = "";
    String operator = "";
    List<String> outputs = new ArrayList<>();
    boolean reads = false;
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (tag == INPUT) {
        reads |= text().equals(constant);
      } else if (tag == NAME) {
        name = text();
      } else if (tag == OPERATOR) {
        operator = text();
      } else if (tag == OUTPUT && outputs.size() < OUTPUTS_MAX) {
        outputs.add(text());
      } else {
        in.skipField(tag);
      }
    }
    return reads
        ? Optional.of(
            "node '%.200s' (%.50s)"
                .formatted(name.isEmpty() ? String.join(",", outputs) : name, operator))
        : Optional.empty();
  }

  /** A text; of one that is too long to be a name, nothing. */
  private String text() throws IOException {
    int bytes = in.readRawVarint32();
    if (bytes < 0 || bytes > TEXT_BYTES_MAX) {
      in.skipRawBytes(bytes);
      return "";
    }
    return new String(in.readRawBytes(bytes), StandardCharsets.UTF_8);
  }

  private static int text(int field) {
    return field << 3 | WireFormat.WIRETYPE_LENGTH_DELIMITED;
  }
}
