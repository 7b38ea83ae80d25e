package io.skerry.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.e2e.fault.Catalogue;
import io.skerry.e2e.fault.Fault;
import io.skerry.e2e.fault.FaultTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class FaultsPageTest {
  @Test
  void thePageNamesEveryFaultAndNoOther() throws IOException {
    assertThat(Files.readAllLines(Path.of("../../docs/faults.md")))
        .filteredOn(line -> line.startsWith("| `"))
        .as("docs/faults.md: written by FaultTable from a report of './skerry bench link --json'")
        .hasSameSizeAs(Catalogue.all())
        .allSatisfy(
            line ->
                assertThat(FaultTable.rows()).anySatisfy(row -> assertThat(line).startsWith(row)));
  }

  @Test
  void everyFaultHasANameOfItsOwn() {
    assertThat(Catalogue.all()).extracting(Fault::name).doesNotHaveDuplicates();
  }
}
