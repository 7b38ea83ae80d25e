package io.skerry.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The server's features stand in one line and import only to the left. */
class ServerFeaturesTest {
  private static final String ROOT = "io.skerry.control.";

  /** What every feature stands on, then the features. */
  private static final List<String> LINE =
      List.of(
          "config",
          "host",
          "sql",
          "web",
          "audit",
          "access",
          "ca",
          "device",
          "artifact",
          "link",
          "ingest",
          "job",
          "dataset",
          "drift",
          "training",
          "registry",
          "packaging",
          "rollout",
          "pipeline",
          "alert",
          "overview");

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.skerry.control");

  @Test
  void everyFeatureStandsInTheLine() {
    Stream<String> features =
        CLASSES.stream()
            .map(type -> type.getPackageName())
            .filter(name -> name.startsWith(ROOT))
            .map(name -> name.substring(ROOT.length()).split("\\.")[0])
            // Generated from the templates of overview: a part of it.
            .filter(feature -> !feature.equals("page"))
            .distinct();

    assertThat(features).isSubsetOf(LINE);
  }

  @TestFactory
  Stream<DynamicTest> importsOnlyToTheLeft() {
    return IntStream.range(0, LINE.size() - 1)
        .mapToObj(
            i ->
                DynamicTest.dynamicTest(
                    LINE.get(i),
                    () ->
                        noClasses()
                            .that()
                            .resideInAPackage(ROOT + LINE.get(i) + "..")
                            .should()
                            .dependOnClassesThat()
                            .resideInAnyPackage(
                                LINE.subList(i + 1, LINE.size()).stream()
                                    .map(feature -> ROOT + feature + "..")
                                    .toArray(String[]::new))
                            .allowEmptyShould(true)
                            .check(CLASSES)));
  }
}
