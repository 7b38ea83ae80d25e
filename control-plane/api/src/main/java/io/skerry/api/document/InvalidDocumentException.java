package io.skerry.api.document;

import io.skerry.api.FieldError;
import java.util.List;
import java.util.stream.Collectors;

/** A document is none of its kind; every mistake of it is told at once. */
public final class InvalidDocumentException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  @SuppressWarnings("serial") // Nobody writes it to a stream.
  private final List<FieldError> mistakes;

  InvalidDocumentException(List<FieldError> mistakes) {
    super(mistakes.stream().map(FieldError::message).collect(Collectors.joining("; ")));
    this.mistakes = List.copyOf(mistakes);
  }

  /** Each with its field, which is empty where the document as a whole is wrong. */
  public List<FieldError> mistakes() {
    return mistakes;
  }
}
