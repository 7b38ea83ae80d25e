package io.skerry.e2e.fault;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The catalogue as the table of {@code docs/faults.md}. */
public final class FaultTable {
  private static final String BEGIN = "<!-- catalogue -->\n";
  private static final String END = "<!-- end of catalogue -->\n";

  private FaultTable() {}

  /**
   * Writes the table into the page. What no report has keeps the figures that it had.
   *
   * @param arguments the page, and reports of {@code skerry bench link --json}: the last one that
   *     has a fault counts
   */
  public static void main(String[] arguments) throws IOException {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    Path page = Path.of(arguments[0]);
    String text = Files.readString(page);
    Map<String, String> measured = known(text);
    for (int i = 1; i < arguments.length; i++) {
      JsonObject report =
          JsonParser.parseString(Files.readString(Path.of(arguments[i]))).getAsJsonObject();
      for (JsonElement element : report.getAsJsonArray("claims")) {
        JsonObject claim = element.getAsJsonObject();
        measured.put(
            claim.get("name").getAsString(),
            (claim.get("held").getAsBoolean() ? "held: " : "**not held**: ")
                + claim.get("detail").getAsString().replace("|", "\\|"));
      }
    }
    StringBuilder table = new StringBuilder();
    table.append("| fault | how it is made | what must hold besides | measured |\n");
    table.append("|---|---|---|---|\n");
    for (Fault fault : Catalogue.all()) {
      table.append(row(fault)).append(measured.getOrDefault(fault.name(), "")).append(" |\n");
    }
    Files.writeString(
        page,
        text.substring(0, text.indexOf(BEGIN) + BEGIN.length())
            + table
            + text.substring(text.indexOf(END)));
  }

  private static Map<String, String> known(String text) {
    Map<String, String> known = new HashMap<>();
    for (Fault fault : Catalogue.all()) {
      text.lines()
          .filter(line -> line.startsWith(row(fault)) && line.endsWith(" |"))
          .findFirst()
          .ifPresent(
              line ->
                  known.put(fault.name(), line.substring(row(fault).length(), line.length() - 2)));
    }
    return known;
  }

  private static String row(Fault fault) {
    return "| `%s` | %s | %s | ".formatted(fault.name(), fault.made(), fault.criterion());
  }

  /** The beginnings of the table's rows. */
  public static List<String> rows() {
    return Catalogue.all().stream().map(FaultTable::row).toList();
  }
}
