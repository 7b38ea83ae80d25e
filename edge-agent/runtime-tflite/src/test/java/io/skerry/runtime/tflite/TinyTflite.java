package io.skerry.runtime.tflite;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;

/**
 * A small model file, made field by field so that each of them can be wrong:
 *
 * <pre>{@code
 * x [1, 4] --FULLY_CONNECTED(w [2, 4])--> h [1, 2] --ADD(h)--> y [1, 2]
 * }</pre>
 *
 * Tensors are 0: x, 1: w, 2: h, 3: y, and 4, which nobody makes; of buffers, 1 has w.
 */
final class TinyTflite {
  static final int FULLY_CONNECTED = 9;
  static final int ADD = 0;

  /** In a list of tables: the one before it, named once more. */
  static final Table SAME_AGAIN = new Table();

  int[] graphInputs = {0};
  int[] graphOutputs = {3};
  int[] firstReads = {0, 1, -1};
  int[] firstWrites = {2};
  int[] firstKeeps = {};
  int firstCode;
  int[] secondReads = {2, 2};
  int[] secondWrites = {3};
  int weightBuffer = 1;
  int metadataBuffer = 2;
  long bufferOffset;
  long bufferSize;
  List<Table> otherGraphs = new ArrayList<>();
  List<Table> furtherCodes = new ArrayList<>();
  List<Table> furtherOperators = new ArrayList<>();

  byte[] write() {
    List<Table> codes = new ArrayList<>(List.of(code(FULLY_CONNECTED), code(ADD)));
    codes.addAll(furtherCodes);
    List<Table> operators =
        new ArrayList<>(
            List.of(
                operator(firstCode, firstReads, firstWrites)
                    .with(3, Field.number8(8))
                    .with(4, Field.table(new Table()))
                    .with(8, Field.numbers(firstKeeps)),
                operator(1, secondReads, secondWrites)
                    .with(3, Field.number8(11))
                    .with(4, Field.table(new Table()))));
    operators.addAll(furtherOperators);
    List<Table> graphs = new ArrayList<>();
    graphs.add(
        graph(
            List.of(
                tensor("x", 0, 1, 4),
                tensor("w", weightBuffer, 2, 4),
                tensor("h", 0, 1, 2),
                tensor("y", 0, 1, 2),
                tensor("z", 0, 1, 2)),
            graphInputs,
            graphOutputs,
            operators));
    graphs.addAll(otherGraphs);
    Table outside = new Table();
    outside.with(1, Field.number64(bufferOffset)).with(2, Field.number64(bufferSize));
    Table model =
        new Table()
            .with(0, Field.number32(3))
            .with(1, Field.tables(codes))
            .with(2, Field.tables(graphs))
            .with(
                4,
                Field.tables(
                    List.of(new Table(), new Table().with(0, Field.bytes(weights())), outside)))
            .with(
                6,
                Field.tables(
                    List.of(
                        new Table()
                            .with(0, Field.text("about"))
                            .with(1, Field.number32(metadataBuffer)))));
    return new Writer().write(model);
  }

  private static byte[] weights() {
    ByteBuffer weights = ByteBuffer.allocate(8 * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 8; i++) {
      weights.putFloat(i);
    }
    return weights.array();
  }

  static Table code(int kind) {
    return new Table()
        .with(0, Field.number8(Math.min(kind, 127)))
        .with(2, Field.number32(1))
        .with(3, Field.number32(kind));
  }

  static Table operator(int code, int[] reads, int[] writes) {
    return new Table()
        .with(0, Field.number32(code))
        .with(1, Field.numbers(reads))
        .with(2, Field.numbers(writes));
  }

  /** Runs two subgraphs, as WHILE and IF do. */
  static Table running(int code, int optionsType, int first, int second) {
    return operator(code, new int[] {3}, new int[] {})
        .with(3, Field.number8(optionsType))
        .with(
            4,
            Field.table(
                new Table().with(0, Field.number32(first)).with(1, Field.number32(second))));
  }

  static Table graph(List<Table> tensors, int[] inputs, int[] outputs, List<Table> operators) {
    return new Table()
        .with(0, Field.tables(tensors))
        .with(1, Field.numbers(inputs))
        .with(2, Field.numbers(outputs))
        .with(3, Field.tables(operators))
        .with(4, Field.text("main"));
  }

  static Table tensor(String name, int buffer, int... shape) {
    return new Table()
        .with(0, Field.numbers(shape))
        .with(1, Field.number8(0))
        .with(2, Field.number32(buffer))
        .with(3, Field.text(name));
  }

  /** Fields by their numbers. */
  static final class Table {
    private final TreeMap<Integer, Field> fields = new TreeMap<>();

    Table with(int number, Field field) {
      fields.put(number, field);
      return this;
    }
  }

  /**
   * A value of so many bytes, or an offset to something else.
   *
   * @param tables are written after what has this field
   */
  record Field(int bytes, long value, ByteBuffer content, int elements, List<Table> tables) {
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    static Field number8(int value) {
      return new Field(1, value, NOTHING, -1, List.of());
    }

    static Field number32(int value) {
      return new Field(4, value, NOTHING, -1, List.of());
    }

    static Field number64(long value) {
      return new Field(8, value, NOTHING, -1, List.of());
    }

    static Field bytes(byte... content) {
      return new Field(4, 0, ByteBuffer.wrap(content), content.length, List.of());
    }

    static Field text(String text) {
      byte[] content = text.getBytes(StandardCharsets.UTF_8);
      ByteBuffer ended = ByteBuffer.wrap(Arrays.copyOf(content, content.length + 1));
      return new Field(4, 0, ended, content.length, List.of());
    }

    static Field numbers(int... values) {
      ByteBuffer content =
          ByteBuffer.allocate(Integer.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
      content.asIntBuffer().put(values);
      return new Field(4, 0, content, values.length, List.of());
    }

    static Field tables(List<Table> tables) {
      return new Field(
          4, 0, ByteBuffer.allocate(Integer.BYTES * tables.size()), tables.size(), tables);
    }

    static Field table(Table table) {
      return new Field(4, 0, NOTHING, -1, List.of(table));
    }

    boolean isVector() {
      return elements >= 0;
    }
  }

  /** What is named lies after what names it. */
  private static final class Writer {
    private final ByteBuffer file = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);

    byte[] write(Table root) {
      file.putInt(0).put("TFL3".getBytes(StandardCharsets.US_ASCII));
      int place = table(root);
      file.putInt(0, place);
      return Arrays.copyOf(file.array(), file.position());
    }

    private void align(int bytes) {
      while (file.position() % bytes != 0) {
        file.put((byte) 0);
      }
    }

    private int table(Table table) {
      int last = table.fields.isEmpty() ? -1 : table.fields.lastKey();
      int vtableBytes = 4 + 2 * (last + 1);
      align(8);
      int vtable = file.position();
      file.position(vtable + vtableBytes);
      align(8);
      int place = file.position();
      file.putInt(place - vtable);
      file.position(place + 8);
      int[] at = new int[last + 1];
      for (var entry : table.fields.entrySet()) {
        align(entry.getValue().bytes());
        at[entry.getKey()] = file.position();
        switch (entry.getValue().bytes()) {
          case 1 -> file.put((byte) entry.getValue().value());
          case 8 -> file.putLong(entry.getValue().value());
          default -> file.putInt((int) entry.getValue().value());
        }
      }
      file.putShort(vtable, (short) vtableBytes);
      file.putShort(vtable + 2, (short) (file.position() - place));
      for (int i = 0; i <= last; i++) {
        file.putShort(vtable + 4 + 2 * i, (short) (at[i] == 0 ? 0 : at[i] - place));
      }
      table.fields.forEach((number, field) -> named(field, at[number]));
      return place;
    }

    private void named(Field field, int from) {
      if (field.isVector()) {
        align(16);
        file.position(file.position() + 12);
        int place = file.position();
        file.putInt(field.elements()).put(field.content().duplicate());
        file.putInt(from, place - from);
        int last = 0;
        for (int i = 0; i < field.tables().size(); i++) {
          int at = place + 4 + 4 * i;
          last = field.tables().get(i) == SAME_AGAIN ? last : table(field.tables().get(i));
          file.putInt(at, last - at);
        }
      } else if (!field.tables().isEmpty()) {
        int place = table(field.tables().getFirst());
        file.putInt(from, place - from);
      }
    }
  }
}
