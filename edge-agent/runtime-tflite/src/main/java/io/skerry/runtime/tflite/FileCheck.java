package io.skerry.runtime.tflite;

import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteBuiltinCallOnce;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteBuiltinIf;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteBuiltinStablehloComposite;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteBuiltinStablehloWhile;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteBuiltinWhile;

import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.tflite.FlatFile.Table;
import io.skerry.runtime.tflite.FlatFile.Vector;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/**
 * Looks through a model file before native code sees it. TFLite's own verifier knows whether tables
 * lie in the file, not whether an index in them names anything; TFLite and XNNPACK then read or
 * write where nothing is, or end the process.
 *
 * <p>The numbers of fields are those of TFLite's schema.
 *
 * @see <a
 *     href="https://github.com/tensorflow/tensorflow/blob/v2.20.0/tensorflow/compiler/mlir/lite/schema/schema.fbs">schema.fbs</a>
 */
final class FileCheck {
  private static final int MODEL_OPERATOR_CODES = 1;
  private static final int MODEL_SUBGRAPHS = 2;
  private static final int MODEL_BUFFERS = 4;
  private static final int MODEL_METADATA_BUFFERS = 5;
  private static final int MODEL_METADATA = 6;
  private static final int METADATA_BUFFER = 1;
  private static final int CODE_DEPRECATED = 0;
  private static final int CODE = 3;
  private static final int BUFFER_DATA = 0;
  private static final int BUFFER_OFFSET = 1;
  private static final int BUFFER_SIZE = 2;
  private static final int GRAPH_TENSORS = 0;
  private static final int GRAPH_INPUTS = 1;
  private static final int GRAPH_OUTPUTS = 2;
  private static final int GRAPH_OPERATORS = 3;
  private static final int TENSOR_SHAPE = 0;
  private static final int TENSOR_TYPE = 1;
  private static final int TENSOR_BUFFER = 2;
  private static final int TENSOR_VARIABLE = 5;
  private static final int OPERATOR_CODE = 0;
  private static final int OPERATOR_INPUTS = 1;
  private static final int OPERATOR_OUTPUTS = 2;
  // The type of a table stands in the field before it.
  private static final int OPERATOR_OPTIONS = 4;
  private static final int OPERATOR_INTERMEDIATES = 8;
  private static final int OPERATOR_OPTIONS_2 = 12;
  private static final int OPERATOR_LARGE_OFFSET = 9;
  private static final int OPERATOR_LARGE_SIZE = 10;
  private static final int FLOAT32 = 0;
  private static final int FLOAT16 = 1;
  private static final int INT32 = 2;
  private static final int INT64 = 4;
  private static final int INT16 = 7;
  private static final int FLOAT64 = 10;
  private static final int UINT64 = 12;
  private static final int IF_OPTIONS = 92;
  private static final int WHILE_OPTIONS = 93;
  private static final int CALL_ONCE_OPTIONS = 103;
  private static final int STABLEHLO_WHILE_OPTIONS = 15;
  private static final int COMPOSITE_OPTIONS = 21;

  // Offsets from the file's beginning: TFLite takes 0 and 1 for "in the table".
  private static final long OFFSET_UNSET = 1;
  private static final int NO_TENSOR = -1;
  private static final int NOT_MADE = -1;
  private static final int GIVEN = -2;

  private final String name;
  private final FlatFile file;
  private final List<List<Integer>> calls = new ArrayList<>();
  private long budget;
  private long largest;

  private FileCheck(String name, FlatFile file) {
    this.name = name;
    this.file = file;
    this.budget = file.size();
  }

  /**
   * Checks that everything a file names is there, that operators stand in order, and that none
   * writes what is fixed.
   *
   * @return bytes of the largest tensor that a run makes: the file may be far smaller
   * @throws EngineException with reason {@code MODEL_INVALID}, naming what is wrong
   */
  static long check(Path path) throws EngineException {
    String name = String.valueOf(path.getFileName());
    try (FileChannel channel = FileChannel.open(path);
        Arena arena = Arena.ofConfined()) {
      return check(name, channel.map(MapMode.READ_ONLY, 0, channel.size(), arena));
    } catch (IOException e) {
      throw new EngineException(
          Reason.MODEL_INVALID, "%s cannot be read: %s".formatted(name, e.getMessage()), e);
    }
  }

  static long check(String name, MemorySegment content) throws EngineException {
    try {
      FlatFile file = new FlatFile(content);
      FileCheck check = new FileCheck(name, file);
      check.model(file.root());
      return check.largest;
    } catch (IndexOutOfBoundsException e) {
      throw new EngineException(
          Reason.MODEL_INVALID,
          name + " is no TFLite model: a table in it points outside the file",
          e);
    }
  }

  private EngineException refused(String fault) {
    return new EngineException(
        Reason.MODEL_INVALID, "%s is broken: %s; export it again".formatted(name, fault));
  }

  private void requireIndex(long index, long count, String who, String what)
      throws EngineException {
    if (index < 0 || index >= count) {
      throw refused("%s names %s %d of %d".formatted(who, what, index, count));
    }
  }

  /** What lies outside the tables, as the file's own offset and size say. */
  private void requireRange(long offset, long bytes, String who) throws EngineException {
    if (Long.compareUnsigned(offset, OFFSET_UNSET) > 0
        && (offset < 0 || bytes < 0 || bytes > file.size() - offset)) {
      throw refused(
          "%s has its bytes at %s with %s bytes, of a file of %d"
              .formatted(
                  who, Long.toUnsignedString(offset), Long.toUnsignedString(bytes), file.size()));
    }
  }

  /** A vector; however often the same is named, no more is looked at than the file is long. */
  private Vector vector(Table table, int field, int elementBytes) throws EngineException {
    Vector vector = table.vector(field, elementBytes);
    budget -= vector.length();
    if (budget < 0) {
      throw refused("its tables name more than its %d bytes".formatted(file.size()));
    }
    return vector;
  }

  private void model(Table model) throws EngineException {
    Vector buffers = vector(model, MODEL_BUFFERS, Integer.BYTES);
    for (long i = 0; i < buffers.length(); i++) {
      Table buffer = buffers.table(i);
      buffer.vector(BUFFER_DATA, Byte.BYTES);
      requireRange(buffer.number64(BUFFER_OFFSET), buffer.number64(BUFFER_SIZE), "buffer " + i);
    }
    Vector metadata = vector(model, MODEL_METADATA, Integer.BYTES);
    for (long i = 0; i < metadata.length(); i++) {
      requireIndex(
          metadata.table(i).unsigned32(METADATA_BUFFER),
          buffers.length(),
          "metadata " + i,
          "buffer");
    }
    Vector named = vector(model, MODEL_METADATA_BUFFERS, Integer.BYTES);
    for (long i = 0; i < named.length(); i++) {
      requireIndex(named.number(i), buffers.length(), "the list of metadata", "buffer");
    }
    Vector graphs = vector(model, MODEL_SUBGRAPHS, Integer.BYTES);
    if (graphs.length() == 0) {
      throw refused("it has no subgraph");
    }
    Vector codes = vector(model, MODEL_OPERATOR_CODES, Integer.BYTES);
    for (long i = 0; i < graphs.length(); i++) {
      calls.add(new ArrayList<>());
    }
    for (int i = 0; i < calls.size(); i++) {
      graph(graphs.table(i), i, codes, buffers);
    }
    requireEnd();
  }

  /** TFLite takes the larger of both: the older is a byte, and full. */
  private static int kind(Table code) {
    return Math.max((byte) code.unsigned8(CODE_DEPRECATED), code.signed32(CODE));
  }

  private void graph(Table graph, int number, Vector codes, Vector buffers) throws EngineException {
    String where = " of subgraph " + number;
    Vector tensors = vector(graph, GRAPH_TENSORS, Integer.BYTES);
    int[] makers = new int[Math.toIntExact(tensors.length())];
    Arrays.fill(makers, NOT_MADE);
    for (int i = 0; i < makers.length; i++) {
      long buffer = tensors.table(i).unsigned32(TENSOR_BUFFER);
      requireIndex(buffer, buffers.length(), "tensor " + i + where, "buffer");
      if (isFilled(buffers.table(buffer))) {
        makers[i] = GIVEN;
      } else {
        largest = Math.max(largest, bytes(tensors.table(i)));
      }
    }
    Vector inputs = vector(graph, GRAPH_INPUTS, Integer.BYTES);
    for (long i = 0; i < inputs.length(); i++) {
      String who = "input " + i + where;
      requireIndex(inputs.number(i), makers.length, who, "tensor");
      if (makers[inputs.number(i)] == GIVEN) {
        throw refused("%s is tensor %d, which is fixed".formatted(who, inputs.number(i)));
      }
    }
    for (long i = 0; i < inputs.length(); i++) {
      makers[inputs.number(i)] = GIVEN;
    }
    Vector outputs = vector(graph, GRAPH_OUTPUTS, Integer.BYTES);
    for (long i = 0; i < outputs.length(); i++) {
      requireIndex(outputs.number(i), makers.length, "output " + i + where, "tensor");
    }
    Vector operators = vector(graph, GRAPH_OPERATORS, Integer.BYTES);
    for (long i = 0; i < operators.length(); i++) {
      Table operator = operators.table(i);
      String who = "operator " + i + where;
      requireIndex(operator.unsigned32(OPERATOR_CODE), codes.length(), who, "kind of operator");
      calls(operator, kind(codes.table(operator.unsigned32(OPERATOR_CODE))), who, number);
      outputs(operator, who, Math.toIntExact(i), makers);
    }
    boolean[] read = new boolean[makers.length];
    for (long i = 0; i < operators.length(); i++) {
      inputs(operators.table(i), "operator " + i + where, Math.toIntExact(i), makers, read);
    }
    for (long i = 0; i < outputs.length(); i++) {
      int tensor = outputs.number(i);
      read[tensor] = true;
      if (makers[tensor] == NOT_MADE && tensors.table(tensor).unsigned8(TENSOR_VARIABLE) == 0) {
        throw refused("output %d%s is tensor %d, which nothing makes".formatted(i, where, tensor));
      }
    }
    for (long i = 0; i < operators.length(); i++) {
      requireRead(vector(operators.table(i), OPERATOR_OUTPUTS, Integer.BYTES), i + where, read);
    }
  }

  /** XNNPACK ends the process where all that it is to make is read by nobody. */
  private void requireRead(Vector outputs, String which, boolean[] read) throws EngineException {
    for (long i = 0; i < outputs.length(); i++) {
      if (read[outputs.number(i)]) {
        return;
      }
    }
    if (outputs.length() > 0) {
      throw refused("operator %s makes what nobody reads".formatted(which));
    }
  }

  private long bytes(Table tensor) throws EngineException {
    double bytes =
        switch (tensor.unsigned8(TENSOR_TYPE)) {
          case FLOAT32, INT32 -> Integer.BYTES;
          case INT64, FLOAT64, UINT64 -> Long.BYTES;
          case FLOAT16, INT16 -> Short.BYTES;
          default -> 1;
        };
    Vector shape = vector(tensor, TENSOR_SHAPE, Integer.BYTES);
    for (long i = 0; i < shape.length(); i++) {
      bytes *= Math.max(0, shape.number(i));
    }
    return (long) bytes;
  }

  private static boolean isFilled(Table buffer) {
    return buffer.vector(BUFFER_DATA, Byte.BYTES).length() > 0
        || Long.compareUnsigned(buffer.number64(BUFFER_OFFSET), OFFSET_UNSET) > 0;
  }

  private void outputs(Table operator, String who, int place, int[] makers) throws EngineException {
    Vector outputs = vector(operator, OPERATOR_OUTPUTS, Integer.BYTES);
    for (long i = 0; i < outputs.length(); i++) {
      int tensor = outputs.number(i);
      requireIndex(tensor, makers.length, who + " writes and", "tensor");
      if (makers[tensor] == GIVEN) {
        throw refused("%s writes tensor %d, which is given".formatted(who, tensor));
      }
      if (makers[tensor] != NOT_MADE) {
        throw refused(
            "%s writes tensor %d, as operator %d does".formatted(who, tensor, makers[tensor]));
      }
      makers[tensor] = place;
    }
    optional(vector(operator, OPERATOR_INTERMEDIATES, Integer.BYTES), who + " keeps and", makers);
  }

  /** XNNPACK's partition reads outside its memory where an operator waits for itself. */
  private void inputs(Table operator, String who, int place, int[] makers, boolean[] read)
      throws EngineException {
    Vector inputs = vector(operator, OPERATOR_INPUTS, Integer.BYTES);
    optional(inputs, who + " reads and", makers);
    for (long i = 0; i < inputs.length(); i++) {
      int tensor = inputs.number(i);
      if (tensor != NO_TENSOR && makers[tensor] >= place) {
        throw refused("%s reads tensor %d before it is made".formatted(who, tensor));
      }
      if (tensor != NO_TENSOR) {
        read[tensor] = true;
      }
    }
  }

  private void optional(Vector tensors, String who, int[] makers) throws EngineException {
    for (long i = 0; i < tensors.length(); i++) {
      if (tensors.number(i) != NO_TENSOR) {
        requireIndex(tensors.number(i), makers.length, who, "tensor");
      }
    }
  }

  /** The subgraphs that an operator runs. */
  private void calls(Table operator, int kind, String who, int caller) throws EngineException {
    requireRange(
        operator.number64(OPERATOR_LARGE_OFFSET), operator.number64(OPERATOR_LARGE_SIZE), who);
    switch (kind) {
      case kTfLiteBuiltinIf -> calls(operator, OPERATOR_OPTIONS, IF_OPTIONS, 0, 2, who, caller);
      case kTfLiteBuiltinWhile ->
          calls(operator, OPERATOR_OPTIONS, WHILE_OPTIONS, 0, 2, who, caller);
      case kTfLiteBuiltinCallOnce ->
          calls(operator, OPERATOR_OPTIONS, CALL_ONCE_OPTIONS, 0, 1, who, caller);
      case kTfLiteBuiltinStablehloWhile ->
          calls(operator, OPERATOR_OPTIONS_2, STABLEHLO_WHILE_OPTIONS, 0, 2, who, caller);
      case kTfLiteBuiltinStablehloComposite ->
          calls(operator, OPERATOR_OPTIONS_2, COMPOSITE_OPTIONS, 1, 1, who, caller);
      default -> {
        // The others run nothing else.
      }
    }
  }

  private void calls(
      Table operator, int options, int type, int field, int number, String who, int caller)
      throws EngineException {
    if (operator.unsigned8(options - 1) != type) {
      throw refused("%s does not say which subgraph it runs".formatted(who));
    }
    for (int i = field; i < field + number; i++) {
      int called = operator.table(options).signed32(i);
      requireIndex(called, calls.size(), who, "subgraph");
      calls.get(caller).add(called);
    }
  }

  /** Subgraphs that run each other without end would take the whole stack. */
  private void requireEnd() throws EngineException {
    int[] callers = new int[calls.size()];
    calls.forEach(each -> each.forEach(called -> callers[called]++));
    Deque<Integer> free = new ArrayDeque<>();
    for (int i = 0; i < callers.length; i++) {
      if (callers[i] == 0) {
        free.add(i);
      }
    }
    int ended = 0;
    for (; !free.isEmpty(); ended++) {
      for (int called : calls.get(free.remove())) {
        callers[called]--;
        if (callers[called] == 0) {
          free.add(called);
        }
      }
    }
    if (ended < callers.length) {
      throw refused("its subgraphs run each other without end");
    }
  }
}
