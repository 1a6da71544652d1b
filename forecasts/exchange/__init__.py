"""What goes in and out as files: registration documents and exports."""
