package io.skerry.cli;

import com.google.gson.JsonObject;
import java.io.PrintWriter;
import picocli.CommandLine.Option;

/** How a command tells what it did. */
final class OutputOptions {
  @Option(
      names = {"-o", "--output"},
      defaultValue = "table",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}")
  private Output output = Output.TABLE;

  Output output() {
    return output;
  }

  /** Tells it in words, as the document that the server answered with, or by its name alone. */
  void print(PrintWriter out, JsonObject document, String name, String words) {
    switch (output) {
      case TABLE -> words.lines().map(Table::printable).forEach(out::println);
      case JSON -> out.println(Json.pretty(document));
      case NAME -> out.println(Table.printable(name));
    }
  }
}
