"""The ground floor: arrays of any library, catalogues of named records, errors."""
