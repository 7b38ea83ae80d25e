package io.skerry.telemetry.drift;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The devices whose attributes have these values, for example {@code site=b} or {@code profile=rpi5
 * & site=b}; or all of them, {@link #FLEET}.
 *
 * @param terms none of the fleet, else one or two, by attribute
 */
public record Cohort(List<Term> terms) implements Comparable<Cohort> {
  /** Attributes that may be told of at once. */
  public static final int TERMS_MAX = 2;

  /** All devices. */
  public static final Cohort FLEET = new Cohort(List.of());

  private static final String ALL = "fleet";
  private static final String AND = " & ";

  /** One attribute's value. */
  public record Term(String attribute, String value) {
    @Override
    public String toString() {
      return attribute + "=" + value;
    }
  }

  /**
   * Orders the terms.
   *
   * @throws IllegalArgumentException if there are too many, or two of one attribute
   */
  public Cohort {
    TreeMap<String, Term> ordered = new TreeMap<>();
    terms.forEach(term -> ordered.put(term.attribute(), term));
    if (terms.size() > TERMS_MAX || ordered.size() != terms.size()) {
      throw new IllegalArgumentException("%s are not one or two attributes".formatted(terms));
    }
    terms = List.copyOf(ordered.values());
  }

  /** The devices with one value of one attribute. */
  public Cohort(String attribute, String value) {
    this(List.of(new Term(attribute, value)));
  }

  /** Both at once. */
  Cohort and(Cohort other) {
    List<Term> both = new ArrayList<>(terms);
    both.addAll(other.terms);
    return new Cohort(both);
  }

  /** Whether a device of these attributes belongs to it. */
  public boolean holds(Map<String, String> attributes) {
    for (Term term : terms) {
      if (!term.value().equals(attributes.get(term.attribute()))) {
        return false;
      }
    }
    return true;
  }

  @Override
  public int compareTo(Cohort other) {
    return toString().compareTo(other.toString());
  }

  /**
   * Reads {@code attribute=value}, two of them joined by {@code &}, or {@code fleet}.
   *
   * @throws IllegalArgumentException if the text has another form
   */
  public static Cohort parse(String text) {
    if (text.equals(ALL)) {
      return FLEET;
    }
    List<Term> terms = new ArrayList<>();
    for (String part : text.split(AND, -1)) {
      int at = part.indexOf('=');
      if (at < 1) {
        throw new IllegalArgumentException("cohort '%s' is not ATTRIBUTE=VALUE".formatted(text));
      }
      terms.add(new Term(part.substring(0, at), part.substring(at + 1)));
    }
    return new Cohort(terms);
  }

  @Override
  public String toString() {
    return terms.isEmpty() ? ALL : String.join(AND, terms.stream().map(Term::toString).toList());
  }
}
