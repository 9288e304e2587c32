"""Notebooks in a real kernel, started by nbclient as a front end starts it."""


def run_cells(place, sources, timeout=120):
    """Run cells in a fresh kernel in a directory: what they printed, in order."""
    # Only where these tests run there are these.
    import nbformat
    from nbclient import NotebookClient

    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    document = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(
        document,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(place)}},
    )
    client.execute()
    outputs = [output for cell in document.cells for output in cell.outputs]
    return "".join(output.get("text", "") for output in outputs if output.get("name") == "stdout")
